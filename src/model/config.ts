import { z } from "zod";

/** `config.toml`: every key optional, unknown keys refused. Sizes are texts such as "4G" here. */
export const configSchema = z.strictObject({
  log_level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  default_image_name: z.string().min(1).default("debian-bookworm"),
  /** `auto` probes; the others insist. */
  accelerator: z.enum(["auto", "kvm", "tcg"]).default("auto"),
  /** `auto`: machines are copies of a booted one as soon as there is one of their image and size. */
  templates: z.enum(["auto", "off"]).default("auto"),
  /** What all templates together may occupy on disk; those not used for longest go first. */
  template_budget: z.string().default("8G"),
  vm_defaults: z
    .strictObject({
      vcpu: z.int().min(1).optional(),
      memory: z.string().optional(),
      disk: z.string().default("8G"),
    })
    .prefault({}),
  ssh: z
    .strictObject({
      /** Public keys, or files of them, that machines let in beside banger's own. */
      authorized_keys: z.array(z.string().min(1)).default([]),
    })
    .prefault({}),
  archive: z
    .strictObject({
      mirror: z.url().default("http://deb.debian.org/debian"),
      security_mirror: z.url().default("http://deb.debian.org/debian-security"),
      /** Absent: as the host's own apt is configured, else checked. */
      check_valid_until: z.boolean().optional(),
    })
    .prefault({}),
});
export type Config = z.infer<typeof configSchema>;
