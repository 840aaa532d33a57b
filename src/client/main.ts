export type { Progress } from "../lib/context.ts";
export { BangerError, type ErrorCode, type Problem } from "../lib/errors/error.ts";
export type { DaemonInfo, Defaults, DoctorReport, PruneResult } from "../model/api/answers.ts";
export type { CreateVm, ExecExit, SetVm } from "../model/api/requests.ts";
export type { Image } from "../model/image.ts";
export type { AvailableKernel, Kernel } from "../model/kernel.ts";
export type { Operation } from "../model/operation.ts";
export type { VmStats } from "../model/stats.ts";
export type { Vm, VmSpec, VmState } from "../model/vm.ts";
export {
  Banger,
  type BangerOptions,
  type CallOptions,
  type Images,
  type Kernels,
  type Vms,
} from "./banger.ts";
export type { ExecOptions, RemoteProcess } from "./exec.ts";
export type {
  CopyOptions,
  CopyResult,
  Files,
  HostPath,
  IntoOptions,
  OutOptions,
  WriteOptions,
} from "./files.ts";
