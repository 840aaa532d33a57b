import { z } from "zod";

const port = z.int().min(1).max(65_535);

/** A TCP port that something in the guest listens on. */
export const vmPortSchema = z.object({
  port,
  /** Where it listens in the guest; `0.0.0.0` and `::` are everywhere. */
  address: z.string(),
  /** Name of the process, as the guest says; empty when it does not know. */
  process: z.string(),
  /** `address:port` of this host that leads there. */
  endpoint: z.string().optional(),
  url: z.string().optional(),
  /** Why the endpoint is another port than the guest's, or missing. */
  problem: z.string().optional(),
});
export type VmPort = z.infer<typeof vmPortSchema>;

/** A port of this host that always leads to the same port of the machine (`--publish`). */
export const publicationSchema = z.strictObject({ host: port, guest: port });
export type Publication = z.infer<typeof publicationSchema>;

/** Answer of `GET /v1/vms/{ref}/ports`. */
export const vmPortsSchema = z.object({
  /** The machine's loopback address on this host. */
  address: z.string(),
  ports: z.array(vmPortSchema),
  published: z.array(
    z.object({
      ...publicationSchema.shape,
      endpoint: z.string(),
      /** Why nothing listens there at present. */
      problem: z.string().optional(),
    }),
  ),
  /** How many more ports the guest listens on than a machine may have on this host. */
  left: z.int(),
});
export type VmPorts = z.infer<typeof vmPortsSchema>;
