import { z } from "zod";

export const vmStates = ["created", "starting", "running", "stopping", "stopped", "error"] as const;
export const vmStateSchema = z.enum(vmStates);
export type VmState = z.infer<typeof vmStateSchema>;

/** What a machine is made of. Sizes in bytes. Everything resolved: no defaults left to apply. */
export const vmSpecSchema = z.object({
  vcpu: z.int().min(1),
  memory: z.int().min(1),
  disk: z.int().min(1),
  nat: z.boolean(),
});
export type VmSpec = z.infer<typeof vmSpecSchema>;

/** Milliseconds of each phase of a start, in order, as `--timing` prints them. */
export const vmTimingSchema = z.array(z.object({ phase: z.string(), ms: z.number() }));
export type VmTiming = z.infer<typeof vmTimingSchema>;

/** How a machine came to be: booted, or as a copy of a template, and then what makes it one of its own. */
export const vmOriginSchema = z.object({
  path: z.enum(["template", "cold"]),
  /** What a person reads, without a full stop: "no template of this image and size yet". */
  reason: z.string(),
  template: z.string().optional(),
  /** What the guest itself read after it was set. */
  identity: z
    .object({
      hostname: z.string(),
      machineId: z.string(),
      bootId: z.string(),
      /** Fingerprint of the ssh host key: `SHA256:…`. */
      hostKey: z.string(),
      /** Bits of the host's randomness that the guest's random pool was drawn anew from. */
      entropy: z.int(),
      at: z.iso.datetime(),
      /** It has reached the guest's disk: from then on what is changed inside stays changed. */
      saved: z.boolean().optional(),
    })
    .optional(),
});
export type VmOrigin = z.infer<typeof vmOriginSchema>;

/** A machine as the API shows it. */
export const vmSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: vmStateSchema,
  /** Why it is stopped or in error, when that was not asked for. */
  reason: z.string().optional(),
  image: z.object({ id: z.string(), name: z.string() }),
  kernel: z.string(),
  spec: vmSpecSchema,
  /** What `vm set` changed on a running machine and a restart will bring. */
  pending: vmSpecSchema.partial().optional(),
  driver: z.string(),
  accelerator: z.string().optional(),
  pid: z.int().optional(),
  /** Deleted as soon as it stops or its first session ends (`--rm`). */
  ephemeral: z.boolean(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  /** Bytes that the machine's disk occupies on the host. */
  diskUsed: z.int().optional(),
  timing: vmTimingSchema.optional(),
  origin: vmOriginSchema.optional(),
});
export type Vm = z.infer<typeof vmSchema>;
