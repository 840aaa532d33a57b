import { z } from "zod";

export const operationKinds = [
  "vm.create",
  "vm.start",
  "vm.stop",
  "vm.restart",
  "vm.kill",
  "vm.delete",
  "vm.prune",
  "vm.wait",
  "vm.commit",
  "image.pull",
  "kernel.pull",
  "template.build",
] as const;

export const problemSchema = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  exit: z.int(),
  doc: z.string(),
  causes: z.array(z.string()),
});

export const operationSchema = z.object({
  id: z.string(),
  kind: z.enum(operationKinds),
  /** What it works on, for people: the name of a machine or an image. */
  target: z.string(),
  state: z.enum(["running", "succeeded", "failed", "cancelled"]),
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Of a succeeded one; its shape is that of the kind. */
  result: z.unknown().optional(),
  error: problemSchema.optional(),
});
export type Operation = z.infer<typeof operationSchema>;

export const progressSchema = z.object({
  stage: z.string(),
  state: z.enum(["started", "progress", "done", "note"]),
  message: z.string(),
  current: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(["bytes", "items"]).optional(),
  elapsed: z.number().optional(),
});

/** One line of `GET /v1/operations/{id}/events` (NDJSON); the last line is an `end`. */
export const operationEventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), progress: progressSchema }),
  z.object({ type: z.literal("end"), operation: operationSchema }),
]);
export type OperationEvent = z.infer<typeof operationEventSchema>;
