import { z } from "zod";

export const daemonInfoSchema = z.object({
  version: z.string(),
  /** Hash of the built program: a client of another build replaces the daemon. */
  build: z.string(),
  api: z.literal("v1"),
  pid: z.int(),
  socket: z.string(),
  state: z.string(),
  log: z.string(),
  startedAt: z.iso.datetime(),
  vms: z.object({ total: z.int(), running: z.int() }),
});
export type DaemonInfo = z.infer<typeof daemonInfoSchema>;

export const doctorCheckSchema = z.object({
  id: z.string(),
  title: z.string(),
  verdict: z.enum(["pass", "warn", "fail"]),
  detail: z.string(),
  remedy: z.string().optional(),
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;
export const doctorReportSchema = z.object({ checks: z.array(doctorCheckSchema) });
export type DoctorReport = z.infer<typeof doctorReportSchema>;

/** Result of the operation `vm.prune`. */
export const pruneResultSchema = z.object({ deleted: z.array(z.string()), freed: z.int() });
export type PruneResult = z.infer<typeof pruneResultSchema>;

/** How ssh gets to a machine. */
export const sshTargetSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** What ssh calls it. */
  host: z.string(),
  /** File for `ssh -F`. */
  config: z.string(),
  /** Serves one connection over its input and output when root runs it in the machine. */
  command: z.array(z.string()),
});
export type SshTarget = z.infer<typeof sshTargetSchema>;

/** What a create would resolve to on this host with nothing given; the CLI shows it in `--help`. */
export const defaultsSchema = z.object({
  image: z.string(),
  vcpu: z.int(),
  memory: z.int(),
  disk: z.int(),
});
export type Defaults = z.infer<typeof defaultsSchema>;

/** What came of a copy into a machine. */
export const copyResultSchema = z.object({
  /** Files, directories, links and so on. */
  entries: z.int(),
  /** Of their contents, holes included. */
  bytes: z.int(),
  /** Devices and attributes that could not be made there. */
  leftOut: z.int(),
});
export type CopyResult = z.infer<typeof copyResultSchema>;
