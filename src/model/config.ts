import { z } from "zod";

const hostPath = z
  .string()
  .regex(/^(\/|~\/)/, "expected an absolute path, or one that begins with ~/")
  .refine(climbsNowhere, "expected a path without ..");
const guestPath = z
  .string()
  .regex(/^(~|\/root)\/+[^/]/, "expected a path below ~/ or /root/, the home of the machine's root")
  .refine(climbsNowhere, "expected a path without ..");

/** A file or directory of the host that every new machine gets a copy of. */
const fileSyncSchema = z.strictObject({
  host: hostPath,
  guest: guestPath,
  /** Octal; of a file. Directories keep what they have. */
  mode: z
    .string()
    .regex(/^[0-7]{3,4}$/, "expected an octal mode such as 0600")
    .default("0600"),
});
export type FileSync = z.infer<typeof fileSyncSchema>;

/** An address of this host's loopback with a port, or `off`. */
const loopbackEndpoint = z
  .string()
  .regex(/^(?:127(?:\.\d{1,3}){3}:\d{1,5}|off)$/, "expected an endpoint such as 127.0.0.1:42069, or off");

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
  network: z
    .strictObject({
      /** Answers for `<name>.vm`. */
      dns: loopbackEndpoint.default("127.0.0.1:42069"),
      /** Takes HTTP for `<name>.localhost`. */
      proxy: loopbackEndpoint.default("127.0.0.1:42080"),
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
  /** Further catalogs of images, asked in this order after the one of this package. */
  catalogs: z
    .array(
      z.strictObject({
        /** Default: the host of the URL. */
        name: z.string().min(1).optional(),
        /** https, file, or http on loopback; the signature is at the same with `.minisig` after it. */
        url: z.url(),
        /** The second line of minisign's key file. */
        public_key: z.string().regex(/^RW[A-Za-z0-9+/]{54}$/, "not a public key of minisign"),
      }),
    )
    .default([]),
  file_sync: z.array(fileSyncSchema).default([]),
});
export type CatalogConfig = Config["catalogs"][number];
export type Config = z.infer<typeof configSchema>;

function climbsNowhere(path: string): boolean {
  return !path.split("/").includes("..");
}
