import { fault, isFault } from "../../../lib/errors/error.ts";
import type { DaemonInfo } from "../../../model/api/answers.ts";
import type { Invocation } from "../../args/spec.ts";
import { details } from "../../output/details.ts";
import { printJson } from "../../output/json.ts";
import { moment } from "../../output/time.ts";
import type { daemonStatus } from "../../specs/host.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof daemonStatus>, world: World): Promise<number> {
  const info = await lookAt(world);
  if (flags.json) printJson(world.stdout, info);
  else world.stdout.write(daemonDetails(info, world.now()));
  return 0;
}

/** @throws daemon_not_running */
async function lookAt(world: World): Promise<DaemonInfo> {
  const banger = world.connect({ autostart: false, anyBuild: true });
  try {
    return await banger.info();
  } catch (error) {
    if (!isFault(error, "daemon_unreachable")) throw error;
    throw fault("daemon_not_running", { socket: world.paths.socket }, error);
  }
}

function daemonDetails(info: DaemonInfo, now: number): string {
  return details([
    ["version", `${info.version} (build ${info.build})`],
    ["process", String(info.pid)],
    ["started", moment(info.startedAt, now)],
    ["vms", `${info.vms.total}, ${info.vms.running} running`],
    ["dns", serverText(info.names.dns)],
    ["proxy", serverText(info.names.proxy)],
    ["socket", info.socket],
    ["state", info.state],
    ["log", info.log],
  ]);
}

function serverText({ endpoint, problem }: DaemonInfo["names"]["dns"]): string {
  return problem === undefined ? endpoint : `${endpoint}, not open: ${problem}`;
}
