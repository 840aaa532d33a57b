import type { RemoteProcess } from "../../client/exec.ts";
import { type InterruptSignal, statusOf } from "../interrupts.ts";
import type { OutputStream, World } from "../world.ts";
import { carry } from "./carry.ts";

/** What a terminal is taken for that does not tell its size. */
const usualSize = { rows: 24, columns: 80 };

export function hasTerminal({ stdin, stdout }: World): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

export function sizeOf({ rows, columns }: OutputStream): { rows: number; columns: number } {
  return { rows: rows || usualSize.rows, columns: columns || usualSize.columns };
}

/**
 * Gives our terminal to a command that has one of its own: keys go there unread, Ctrl-C among them, and size changes follow.
 * A signal to this program ends the session. The terminal is as before on every way out; on those that do not come by here,
 * Node restores it when the process exits.
 */
export async function terminalSession(world: World, remote: RemoteProcess): Promise<number> {
  const { stdin, stdout } = world;
  let left: InterruptSignal | undefined;
  const leave = (name: InterruptSignal): void => {
    left = name;
    remote.close();
  };
  const resize = (): void => {
    const { rows, columns } = sizeOf(stdout);
    remote.resize(rows, columns);
  };
  stdin.setRawMode?.(true);
  stdout.on("resize", resize);
  // It may have changed since the command was asked for.
  resize();
  try {
    await world.passOutputThrough();
    return await world.interrupts.during(leave, () => carry(world, remote));
  } catch (error) {
    if (left) return statusOf(left);
    throw error;
  } finally {
    stdout.off("resize", resize);
    stdin.setRawMode?.(false);
  }
}
