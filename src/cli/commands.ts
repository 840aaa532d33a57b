import { type Command, command } from "./command.ts";
import * as catalogListCode from "./commands/catalog/list.ts";
import * as catalogUpdateCode from "./commands/catalog/update.ts";
import * as daemonLogsCode from "./commands/daemon/logs.ts";
import * as daemonStatusCode from "./commands/daemon/status.ts";
import * as daemonStopCode from "./commands/daemon/stop.ts";
import * as doctorCode from "./commands/doctor.ts";
import * as imageBuildCode from "./commands/image/build.ts";
import * as imageCachePruneCode from "./commands/image/cache-prune.ts";
import * as imageDeleteCode from "./commands/image/delete.ts";
import * as imageListCode from "./commands/image/list.ts";
import * as imageLoadCode from "./commands/image/load.ts";
import * as imagePromoteCode from "./commands/image/promote.ts";
import * as imagePruneCode from "./commands/image/prune.ts";
import * as imagePullCode from "./commands/image/pull.ts";
import * as imageRegisterCode from "./commands/image/register.ts";
import * as imageRenameCode from "./commands/image/rename.ts";
import * as imageSaveCode from "./commands/image/save.ts";
import * as imageShowCode from "./commands/image/show.ts";
import * as kernelDeleteCode from "./commands/kernel/delete.ts";
import * as kernelImportCode from "./commands/kernel/import.ts";
import * as kernelListCode from "./commands/kernel/list.ts";
import * as kernelPullCode from "./commands/kernel/pull.ts";
import * as kernelShowCode from "./commands/kernel/show.ts";
import * as psCode from "./commands/ps.ts";
import * as setupCode from "./commands/setup.ts";
import * as sshConfigCode from "./commands/ssh-config.ts";
import * as templateBuildCode from "./commands/template/build.ts";
import * as templateDeleteCode from "./commands/template/delete.ts";
import * as templateListCode from "./commands/template/list.ts";
import * as versionCode from "./commands/version.ts";
import * as vmAttachCode from "./commands/vm/attach.ts";
import * as vmCommitCode from "./commands/vm/commit.ts";
import * as vmCpCode from "./commands/vm/cp.ts";
import * as vmCreateCode from "./commands/vm/create.ts";
import * as vmDeleteCode from "./commands/vm/delete.ts";
import * as vmDialCode from "./commands/vm/dial.ts";
import * as vmExecCode from "./commands/vm/exec.ts";
import * as vmForwardCode from "./commands/vm/forward.ts";
import * as vmJobsCode from "./commands/vm/jobs.ts";
import * as vmKillCode from "./commands/vm/kill.ts";
import * as vmListCode from "./commands/vm/list.ts";
import * as vmLogsCode from "./commands/vm/logs.ts";
import * as vmPortsCode from "./commands/vm/ports.ts";
import * as vmPruneCode from "./commands/vm/prune.ts";
import * as vmRestartCode from "./commands/vm/restart.ts";
import * as vmRunCode from "./commands/vm/run.ts";
import * as vmSetCode from "./commands/vm/set.ts";
import * as vmShellCode from "./commands/vm/shell.ts";
import * as vmShowCode from "./commands/vm/show.ts";
import * as vmSshCode from "./commands/vm/ssh.ts";
import * as vmSshProxyCode from "./commands/vm/ssh-proxy.ts";
import * as vmStartCode from "./commands/vm/start.ts";
import * as vmStatsCode from "./commands/vm/stats.ts";
import * as vmStopCode from "./commands/vm/stop.ts";
import * as vmTopCode from "./commands/vm/top.ts";
import * as vmWaitCode from "./commands/vm/wait.ts";
import { catalogList, catalogUpdate } from "./specs/catalog.ts";
import { daemonLogs, daemonStatus, daemonStop, doctor, setup, version } from "./specs/host.ts";
import {
  imageBuild,
  imageCachePrune,
  imageDelete,
  imageList,
  imageLoad,
  imagePromote,
  imagePrune,
  imagePull,
  imageRegister,
  imageRename,
  imageSave,
  imageShow,
} from "./specs/image.ts";
import { kernelDelete, kernelImport, kernelList, kernelPull, kernelShow } from "./specs/kernel.ts";
import { sshConfig, vmSsh, vmSshProxy } from "./specs/ssh.ts";
import { templateBuild, templateDelete, templateList } from "./specs/template.ts";
import { vmCp } from "./specs/vm-copy.ts";
import { vmStats, vmTop, vmWait } from "./specs/vm-know.ts";
import { ps, vmList, vmSet, vmShow } from "./specs/vm-look.ts";
import { vmDial, vmForward, vmPorts } from "./specs/vm-ports.ts";
import { vmCreate, vmRun } from "./specs/vm-run.ts";
import { vmAttach, vmExec, vmJobs, vmLogs, vmShell } from "./specs/vm-sessions.ts";
import { vmCommit, vmDelete, vmKill, vmPrune, vmRestart, vmStart, vmStop } from "./specs/vm-state.ts";

/**
 * Every command, in the order that help lists them. Their code is small and comes in one piece: to open a file for each takes
 * longer than to read all. What takes long to load (processes, help, the start of the daemon) they load when they need it.
 */
export const commands: readonly Command[] = [
  command(vmRun, vmRunCode),
  command(vmCreate, vmCreateCode),
  command(vmList, vmListCode),
  command(vmShow, vmShowCode),
  command(vmShell, vmShellCode),
  command(vmExec, vmExecCode),
  command(vmPorts, vmPortsCode),
  command(vmForward, vmForwardCode),
  command(vmJobs, vmJobsCode),
  command(vmAttach, vmAttachCode),
  command(vmSsh, vmSshCode),
  command(vmSshProxy, vmSshProxyCode),
  command(vmCp, vmCpCode),
  command(vmDial, vmDialCode),
  command(vmLogs, vmLogsCode),
  command(vmStats, vmStatsCode),
  command(vmTop, vmTopCode),
  command(vmWait, vmWaitCode),
  command(vmStart, vmStartCode),
  command(vmStop, vmStopCode),
  command(vmRestart, vmRestartCode),
  command(vmSet, vmSetCode),
  command(vmKill, vmKillCode),
  command(vmCommit, vmCommitCode),
  command(vmDelete, vmDeleteCode),
  command(vmPrune, vmPruneCode),
  command(imageList, imageListCode),
  command(imageShow, imageShowCode),
  command(imagePull, imagePullCode),
  command(imageSave, imageSaveCode),
  command(imageLoad, imageLoadCode),
  command(imageBuild, imageBuildCode),
  command(imageRegister, imageRegisterCode),
  command(imagePromote, imagePromoteCode),
  command(imageRename, imageRenameCode),
  command(imagePrune, imagePruneCode),
  command(imageCachePrune, imageCachePruneCode),
  command(imageDelete, imageDeleteCode),
  command(catalogList, catalogListCode),
  command(catalogUpdate, catalogUpdateCode),
  command(kernelList, kernelListCode),
  command(kernelShow, kernelShowCode),
  command(kernelPull, kernelPullCode),
  command(kernelImport, kernelImportCode),
  command(kernelDelete, kernelDeleteCode),
  command(templateList, templateListCode),
  command(templateBuild, templateBuildCode),
  command(templateDelete, templateDeleteCode),
  command(daemonStatus, daemonStatusCode),
  command(daemonStop, daemonStopCode),
  command(daemonLogs, daemonLogsCode),
  command(ps, psCode),
  command(sshConfig, sshConfigCode),
  command(doctor, doctorCode),
  command(setup, setupCode),
  command(version, versionCode),
];
