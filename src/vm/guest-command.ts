import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { within } from "../lib/deadline.ts";
import { isFault } from "../lib/errors/error.ts";
import { splitLines } from "./lines.ts";
import type { Agent, ExecSpec } from "./ports.ts";

export interface GuestCommandOptions {
  signal: AbortSignal;
  /** Milliseconds for all of it. */
  timeout: number;
  /** What its end is called when that does not come in time. */
  what: string;
  /** For its standard input; without it that is empty. */
  input?: Readable;
  /** Hears what it prints on either output, line by line. */
  onLine?: (line: string) => void;
}

/**
 * Runs a command in a guest to its end; one that is cut off is killed there.
 *
 * @throws exec_failed, timed_out, interrupted, channel_closed, guest_protocol
 */
export async function runInGuest(
  agent: Agent,
  spec: ExecSpec,
  { signal, timeout, what, input, onLine = () => undefined }: GuestCommandOptions,
): Promise<{ code: number; signal?: number }> {
  const process = await agent.exec(spec, signal);
  try {
    const outputs = [process.stdout, process.stderr].map((output) => splitLines(output, onLine));
    const fed = input ? pipeline(input, process.stdin).catch(ignoreEarlyEnd) : process.stdin.end();
    const over = Promise.all([process.exited, fed, ...outputs]);
    over.catch(() => undefined);
    const [exit] = await within(what, timeout, over, signal);
    return exit;
  } finally {
    process.reset();
  }
}

/** A command that ends before it has read its input says by its status what that means. */
function ignoreEarlyEnd(error: unknown): void {
  if (!isFault(error, "channel_closed")) throw error;
}
