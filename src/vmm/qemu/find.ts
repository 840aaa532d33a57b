import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { errnoOf } from "../../lib/errors/error.ts";
import { identify, type ProcessIdentity } from "../../lib/process-identity.ts";
import type { FoundProcess } from "../driver.ts";
import { monitorOption } from "./command-line.ts";

/** The machines of this user whose run directory is `root` or below it, by the control socket on their command lines. */
export async function findMachines(root: string): Promise<FoundProcess[]> {
  const found: FoundProcess[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const socket = monitorSocketOf(await argumentsOf(Number(name)));
    if (socket === undefined) continue;
    const runDirectory = dirname(socket);
    if (runDirectory !== root && !runDirectory.startsWith(root + sep)) continue;
    const identity = identify(Number(name));
    if (identity) found.push({ process: identity, runDirectory });
  }
  return found;
}

/** Whether a live process is the machine with this control socket, and not one that got its number after a restart. */
export async function isMachine(identity: ProcessIdentity, monitorSocket: string): Promise<boolean> {
  const before = identify(identity.pid);
  if (before?.startTime !== identity.startTime) return false;
  return monitorSocketOf(await argumentsOf(identity.pid)) === monitorSocket;
}

/** The arguments of a process of this user; empty when it is gone or somebody else's. */
async function argumentsOf(pid: number): Promise<string[]> {
  try {
    if ((await stat(`/proc/${pid}`)).uid !== process.getuid?.()) return [];
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

function monitorSocketOf(args: readonly string[]): string | undefined {
  const [before = "", after = ""] = monitorOption("\0").split("\0");
  const option = args.find((arg) => arg.startsWith(before) && arg.endsWith(after));
  return option?.slice(before.length, option.length - after.length).replaceAll(",,", ",");
}
