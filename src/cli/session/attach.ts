import type { ExecOptions, RemoteProcess } from "../../client/exec.ts";
import { fault } from "../../lib/errors/error.ts";
import type { World } from "../world.ts";
import { carry } from "./carry.ts";
import { hasTerminal, sizeOf, terminalSession } from "./terminal.ts";

/**
 * Connects this program's input, outputs, signals and terminal to a command in a machine, until it ends; gives its exit
 * status. The command has a terminal when `tty` says so, and otherwise when input and output both are one.
 *
 * @throws what kept the command from starting, channel_closed, interrupted
 */
export async function attach(
  world: World,
  { tty = hasTerminal(world) }: { tty?: boolean | undefined },
  options: ExecOptions,
  start: (options: ExecOptions) => Promise<RemoteProcess>,
): Promise<number> {
  const { signal } = world.interrupts;
  const remote = await start({ ...options, ...(tty ? withTerminal(options, world) : {}), signal });
  try {
    await started(remote, signal);
    return await (tty ? terminalSession(world, remote) : pipeSession(world, remote));
  } finally {
    remote.close();
  }
}

function withTerminal({ env = [] }: ExecOptions, world: World): Pick<ExecOptions, "tty" | "env"> {
  const names = ["TERM", "COLORTERM"].filter((name) => world.env[name]);
  return { tty: sizeOf(world.stdout), env: [...names.map((name) => `${name}=${world.env[name]}`), ...env] };
}

/** Until the command runs, a signal is for us: it gives up waiting. */
async function started(remote: RemoteProcess, signal: AbortSignal): Promise<void> {
  const giveUp = (): void => remote.close();
  signal.addEventListener("abort", giveUp);
  try {
    if (signal.aborted) giveUp();
    await remote.started;
  } catch (error) {
    if (signal.aborted) throw fault("interrupted", { what: "waiting for the command" }, error);
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Signals go to the command, as they would to a local one. */
async function pipeSession(world: World, remote: RemoteProcess): Promise<number> {
  return await world.interrupts.during(
    (name) => remote.kill(name.slice("SIG".length)),
    () => carry(world, remote),
  );
}
