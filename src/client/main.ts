export { BangerError, type ErrorCode, type Problem } from "../lib/errors/error.ts";
export {
  Banger,
  type BangerOptions,
  type CallOptions,
  type Images,
  type Kernels,
  type Vms,
} from "./banger.ts";
export type { ExecOptions, RemoteProcess } from "./exec.ts";
