import { z } from "zod";
import { vmStateSchema } from "./vm.ts";

const traffic = z.object({ received: z.int(), sent: z.int() });

/**
 * What a machine takes at a moment. Bytes and milliseconds. Times and traffic only ever count up: how busy it is comes from two
 * of these and the time between them. What is not known, or does not run, is absent.
 */
export const vmStatsSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: vmStateSchema,
  /** On a clock of the host that counts up; only good for differences. */
  at: z.number(),
  vcpu: z.int(),
  /** The machine's process on the host. */
  host: z
    .object({
      cpu: z.number(),
      /** `private` is its own alone (USS), `shared` others have too, `proportional` is a fair part of both (PSS). */
      memory: z.object({ private: z.int(), shared: z.int(), proportional: z.int() }).optional(),
    })
    .optional(),
  /** As the guest's own kernel says. */
  guest: z
    .object({
      uptime: z.number(),
      /** Of all processors together. */
      cpu: z.object({ busy: z.number(), total: z.number(), count: z.int() }).optional(),
      memory: z.object({ total: z.int(), used: z.int() }).optional(),
      /** Of the last minute. */
      load: z.number().optional(),
      /** The root file system. */
      root: z.object({ total: z.int(), used: z.int() }).optional(),
      /** Through its network card, if it has one. */
      network: traffic.optional(),
    })
    .optional(),
  /** What the disk takes on the host, and its size as the guest sees it. */
  disk: z.object({ allocated: z.int(), size: z.int() }).optional(),
  /** Through the channel to the agent since the daemon began to watch; `sent` is what the guest sent. */
  channel: traffic.optional(),
});
export type VmStats = z.infer<typeof vmStatsSchema>;
