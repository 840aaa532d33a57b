import { z } from "zod";

const path = z.string().regex(/^\/[^\0]*$/, "is not an absolute path");
const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, "has a NUL byte");

/** One thing that a build does; they are done in their order. Paths of the host are those of the daemon's host. */
export const buildStepSchema = z.discriminatedUnion("kind", [
  /** A script of the host, run in the machine by the interpreter that its first line names. */
  z.strictObject({ kind: z.literal("run"), script: path }),
  /** Words for the machine's `/bin/sh -c`. */
  z.strictObject({ kind: z.literal("command"), command: text }),
  /** A file or directory of the host, and its place in the machine: as `vm cp`. */
  z.strictObject({ kind: z.literal("copy"), source: path, target: path }),
]);
export type BuildStep = z.infer<typeof buildStepSchema>;

/** Body of `POST /v1/images/build`. Sizes in bytes. */
export const buildImageSchema = z.strictObject({
  /** Of the new image. */
  name: z.string().min(1),
  /** What it is made of; pulled when it is not local. */
  from: z.string().min(1),
  steps: z.array(buildStepSchema).max(1000),
  /** `KEY=value`, for all steps and for the programs of the image's machines. */
  env: z.array(z.string().regex(/^[^=\0]+=[^\0]*$/, "is not KEY=value")).default([]),
  kernel: z.string().min(1).optional(),
  vcpu: z.int().optional(),
  memory: z.int().min(1).optional(),
  /** Of the image's file system. Default: 2 GiB more than that of `from`. */
  size: z.int().min(1).optional(),
  nat: z.boolean().default(false),
  /** Leave the machine of a step that failed running, for a look. */
  keepFailed: z.boolean().default(false),
});
export type BuildImage = z.input<typeof buildImageSchema>;
