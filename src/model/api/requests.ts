import { z } from "zod";
import { publicationSchema } from "../ports.ts";
import { jobSignals, killSignals } from "../signals.ts";
import { waitTargetPattern } from "../wait-target.ts";

const size = z.int().min(1);
const absolutePath = z.string().regex(/^\//, "not an absolute path");
const port = z.int().min(1).max(65535);

/** Body of `POST /v1/vms`. Sizes in bytes; what is absent is resolved by the daemon. */
export const createVmSchema = z.strictObject({
  name: z.string().optional(),
  image: z.string().optional(),
  kernel: z.string().optional(),
  vcpu: z.int().optional(),
  memory: size.optional(),
  disk: size.optional(),
  nat: z.boolean().default(false),
  /** Ports of this host's loopback that lead to ports of the machine whenever it runs. */
  publish: z.array(publicationSchema).max(64).optional(),
  start: z.boolean().default(true),
  /** Boot it, also where there is a template to copy. */
  cold: z.boolean().default(false),
  /** Deleted when it stops, or when its first foreground session ends. */
  ephemeral: z.boolean().default(false),
});
export type CreateVm = z.input<typeof createVmSchema>;

/** Body of `POST /v1/templates`: as that of the machines it shall serve. */
export const buildTemplateSchema = z.strictObject({
  image: z.string().optional(),
  kernel: z.string().optional(),
  vcpu: z.int().optional(),
  memory: size.optional(),
  disk: size.optional(),
  nat: z.boolean().default(false),
});
export type BuildTemplate = z.input<typeof buildTemplateSchema>;

/** Body of `PATCH /v1/vms/{ref}`. */
export const setVmSchema = z.strictObject({
  vcpu: z.int().optional(),
  memory: size.optional(),
  disk: size.optional(),
  nat: z.boolean().optional(),
});
export type SetVm = z.input<typeof setVmSchema>;

/** Body of `POST /v1/vms/{ref}/stop` and `/restart`. */
export const stopVmSchema = z.strictObject({
  /** Seconds for the guest to shut down before it is synced and ended. */
  timeout: z.int().min(0).max(3600).default(30),
});

/** Body of `POST /v1/vms/{ref}/kill`: the signal goes to the machine's process on the host. */
export const killVmSchema = z.strictObject({ signal: z.enum(killSignals).default("KILL") });

/** Body of `POST /v1/vms/{ref}/wait`: until all of it has come about. */
export const waitVmSchema = z.strictObject({
  /** `agent`, `system`, `exit`, `port:N`. */
  for: z.array(z.string().regex(waitTargetPattern)).min(1).max(100).default(["agent"]),
  /** Seconds; absent: as long as it takes. */
  timeout: z.number().min(0).max(1_000_000).optional(),
});
export type WaitVm = z.input<typeof waitVmSchema>;

/** Body of `POST /v1/vms/{ref}/commit`. */
export const commitVmSchema = z.strictObject({
  /** Of the image. */
  name: z.string().min(1),
  /** Stop the machine first, if it runs. */
  stop: z.boolean().default(false),
});
export type CommitVm = z.input<typeof commitVmSchema>;

/** Body of `POST /v1/images/pull`. */
export const pullImageSchema = z.strictObject({
  /** A name of the catalog, or else a reference to an image in a registry. */
  name: z.string().min(1),
  /** Name of the local image. Default: `name`. */
  as: z.string().min(1).optional(),
  kernel: z.string().min(1).optional(),
  /** Only for images of registries: `linux/amd64`, bytes of the root file system, and whether TLS may be missing. */
  platform: z.string().min(1).optional(),
  size: size.optional(),
  insecure: z.boolean().default(false),
});
export type PullImage = z.input<typeof pullImageSchema>;

/** Query of `POST /v1/images/load`. */
export const loadImageSchema = z.strictObject({
  /** Of the local image. Default: that in the bundle. */
  name: z.string().min(1).optional(),
  kernel: z.string().min(1).optional(),
});
export type LoadImage = z.input<typeof loadImageSchema>;
/** Body of `POST /v1/images/register`. */
export const registerImageSchema = z.strictObject({
  name: z.string().min(1),
  /** Absolute, on the daemon's host: a directory, which is copied, or a raw ext4 file, which is used where it is. */
  path: z.string().startsWith("/"),
  kernel: z.string().min(1).optional(),
  /** Program that becomes PID 1; empty for none. Default: what a directory has, `/sbin/init` of a file. */
  init: z.string().optional(),
  /** Only of a directory. `owner` is `uid` or `uid:gid` of everything in it. */
  size: size.optional(),
  owner: z.string().optional(),
});
export type RegisterImage = z.input<typeof registerImageSchema>;

/** Body of `POST /v1/images/{ref}/promote`. */
export const promoteImageSchema = z.strictObject({});

/** Body of `POST /v1/images/{ref}/rename`. */
export const renameImageSchema = z.strictObject({ name: z.string().min(1) });

/** Body of `POST /v1/images/prune`. */
export const pruneImagesSchema = z.strictObject({
  /** Also images that were made here and cannot be had again. */
  all: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/** Body of `POST /v1/images/cache/prune`. */
export const pruneCacheSchema = z.strictObject({ dryRun: z.boolean().default(false) });

export const pullKernelSchema = z.strictObject({
  name: z.string().min(1),
  force: z.boolean().default(false),
});
/** Body of `POST /v1/kernels/import`. Paths are absolute, on the daemon's host. */
export const importKernelSchema = z.strictObject({
  name: z.string().min(1),
  from: absolutePath,
  modules: absolutePath.optional(),
  config: absolutePath.optional(),
  force: z.boolean().default(false),
});
export type ImportKernel = z.input<typeof importKernelSchema>;
export const pruneVmsSchema = z.strictObject({});

/**
 * The command of `POST /v1/vms/{ref}/exec` (HTTP Upgrade to `banger-exec/1`): JSON of the first frame. Byte strings are base64:
 * arguments need not be UTF-8.
 */
export const execRequestSchema = z.strictObject({
  /** Absent or empty: a login shell. */
  args: z.array(z.base64()).default([]),
  /** Whether the image's entrypoint comes before `args`, when there are any. */
  entrypoint: z.boolean().optional(),
  env: z.array(z.base64()).default([]),
  user: z.string().optional(),
  cwd: z.string().optional(),
  tty: z.strictObject({ rows: z.int().min(1), columns: z.int().min(1) }).optional(),
  /** Milliseconds after which its process group gets SIGTERM, and SIGKILL 2 s later. */
  timeout: z.int().min(1).max(0xffff_ffff).optional(),
  /** Follows a detached command instead of starting one. */
  job: z.int().min(1).max(0xffff_ffff).optional(),
  /** Seconds to wait for the agent when the machine is just starting. */
  wait: z.int().min(0).max(600).default(60),
});
export type ExecRequest = z.input<typeof execRequestSchema>;

/**
 * The query of `POST /v1/vms/{ref}/dial` (HTTP Upgrade to `banger-dial/1`): a TCP port, on the guest's loopback unless an address
 * is given, or the path of a unix socket.
 */
export const dialRequestSchema = z.strictObject({
  port: z.coerce.number().pipe(port).optional(),
  address: z.union([z.ipv4(), z.ipv6()]).optional(),
  path: z.string().startsWith("/").max(107).optional(),
  /** Seconds to wait for the agent when the machine is just starting. */
  wait: z.coerce.number().pipe(z.int().min(0).max(600)).optional(),
});
export type DialRequest = z.output<typeof dialRequestSchema>;

/** Body of `POST /v1/vms/{ref}/jobs`. A detached command has neither an input nor a terminal. */
export const detachSchema = execRequestSchema.omit({ tty: true, job: true });
export type DetachRequest = z.input<typeof detachSchema>;

/** Body of `POST /v1/vms/{ref}/jobs/{job}/kill`. */
export const killJobSchema = z.strictObject({ signal: z.enum(jobSignals).default("TERM") });

/** JSON of an `exit` frame. */
export const execExitSchema = z.object({
  /** 128+N after signal N, 124 after its time ran out. */
  code: z.int(),
  signal: z.string().optional(),
  timedOut: z.boolean().optional(),
});
export type ExecExit = z.infer<typeof execExitSchema>;
