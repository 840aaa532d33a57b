import { type Command, command } from "./command.ts";
import { daemonLogs, daemonStatus, daemonStop, doctor, setup, version } from "./specs/host.ts";
import { imageDelete, imageList, imagePull, imageShow } from "./specs/image.ts";
import { kernelDelete, kernelList, kernelPull, kernelShow } from "./specs/kernel.ts";
import { ps, vmList, vmSet, vmShow } from "./specs/vm-look.ts";
import { vmCreate, vmRun } from "./specs/vm-run.ts";
import { vmExec, vmLogs, vmShell } from "./specs/vm-sessions.ts";
import { vmDelete, vmKill, vmPrune, vmRestart, vmStart, vmStop } from "./specs/vm-state.ts";

/** Every command, in the order that help lists them. */
export const commands: readonly Command[] = [
  command(vmRun, () => import("./commands/vm/run.ts")),
  command(vmCreate, () => import("./commands/vm/create.ts")),
  command(vmList, () => import("./commands/vm/list.ts")),
  command(vmShow, () => import("./commands/vm/show.ts")),
  command(vmShell, () => import("./commands/vm/shell.ts")),
  command(vmExec, () => import("./commands/vm/exec.ts")),
  command(vmLogs, () => import("./commands/vm/logs.ts")),
  command(vmStart, () => import("./commands/vm/start.ts")),
  command(vmStop, () => import("./commands/vm/stop.ts")),
  command(vmRestart, () => import("./commands/vm/restart.ts")),
  command(vmSet, () => import("./commands/vm/set.ts")),
  command(vmKill, () => import("./commands/vm/kill.ts")),
  command(vmDelete, () => import("./commands/vm/delete.ts")),
  command(vmPrune, () => import("./commands/vm/prune.ts")),
  command(imageList, () => import("./commands/image/list.ts")),
  command(imageShow, () => import("./commands/image/show.ts")),
  command(imagePull, () => import("./commands/image/pull.ts")),
  command(imageDelete, () => import("./commands/image/delete.ts")),
  command(kernelList, () => import("./commands/kernel/list.ts")),
  command(kernelShow, () => import("./commands/kernel/show.ts")),
  command(kernelPull, () => import("./commands/kernel/pull.ts")),
  command(kernelDelete, () => import("./commands/kernel/delete.ts")),
  command(daemonStatus, () => import("./commands/daemon/status.ts")),
  command(daemonStop, () => import("./commands/daemon/stop.ts")),
  command(daemonLogs, () => import("./commands/daemon/logs.ts")),
  command(ps, () => import("./commands/ps.ts")),
  command(doctor, () => import("./commands/doctor.ts")),
  command(setup, () => import("./commands/setup.ts")),
  command(version, () => import("./commands/version.ts")),
];
