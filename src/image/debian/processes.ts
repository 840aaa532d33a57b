import { readdir, readFile } from "node:fs/promises";
import { sleep } from "../../lib/deadline.ts";
import { identify, isAlive, type ProcessIdentity, signalProcess } from "../../lib/process-identity.ts";
import { workspaceVariable } from "./environment.ts";

/** Milliseconds. */
const grace = 3000;
const poll = 20;

/** Ends all processes of a build, politely at first: a killed faked(1) would leave its message queues in the kernel. */
export async function endProcessesOf(workspace: string): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const members = await processesOf(workspace);
    for (const member of members) signalProcess(member, signal);
    for (let waited = 0; waited < grace && members.some(isAlive); waited += poll) await sleep(poll);
  }
}

/** Those of this user whose environment says so; a process that hides its own is not one of them. */
async function processesOf(workspace: string): Promise<ProcessIdentity[]> {
  const mark = `${workspaceVariable}=${workspace}`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const identity = identify(pid);
      return identity && (await environmentOf(pid)).includes(mark) ? [identity] : [];
    }),
  );
  return found.flat();
}

async function environmentOf(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
  } catch {
    // It has ended, or belongs to somebody else.
    return [];
  }
}
