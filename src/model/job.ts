import { z } from "zod";

/** A command in a machine that no session holds, as the API shows it. */
export const jobSchema = z.object({
  /** Counts up from 1 since the machine started. */
  id: z.int(),
  pid: z.int(),
  /** Its arguments as one line, cut to 200 bytes. */
  command: z.string(),
  state: z.enum(["running", "ended"]),
  startedAt: z.string(),
  /** Bytes of output so far. */
  output: z.int(),
  endedAt: z.string().optional(),
  /** 128+N after signal N, 124 after its time ran out. */
  code: z.int().optional(),
  /** Without SIG. */
  signal: z.string().optional(),
  timedOut: z.boolean().optional(),
});
export type Job = z.infer<typeof jobSchema>;
