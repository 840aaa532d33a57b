import { z } from "zod";
import { vmSpecSchema } from "./vm.ts";

/** A booted machine, frozen, of which new ones are copied. */
export const templateSchema = z.object({
  id: z.string(),
  image: z.object({ id: z.string(), name: z.string() }),
  kernel: z.string(),
  accelerator: z.string(),
  /** Of the machines that it serves; their disks may be larger. */
  spec: vmSpecSchema,
  /** Bytes on the host. */
  size: z.int(),
  createdAt: z.iso.datetime(),
  usedAt: z.iso.datetime(),
  /** Milliseconds that making it took. */
  took: z.number(),
});
export type Template = z.infer<typeof templateSchema>;
