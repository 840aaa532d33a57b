import { run } from "../../lib/process.ts";

const timeout = 5000;

/**
 * Turns our terminal's own changes to output off. Node's raw mode is for input: the terminal goes on putting a carriage return
 * before each line end, and programs in the guest that draw the whole screen end up somewhere else.
 */
export async function passOutputThrough(): Promise<void> {
  try {
    await run("stty", ["-F", "/dev/tty", "-opost"], { timeout });
  } catch {
    // A host without stty, or a terminal that is not the process's own: most programs look right all the same.
  }
}
