import type { Readable } from "node:stream";
import { readComplaint } from "../archive/tree/helper.ts";
import { type CopyResult, readReport } from "../archive/tree/unpack.ts";
import { drained } from "../lib/drained.ts";
import { show } from "../lib/errors/define.ts";
import { asFault, type BangerError, fault, isFault } from "../lib/errors/error.ts";
import type { GuestProcess } from "./ports.ts";

/** Bytes that a guest may say in the end; it is hostile. */
const reportLimit = 4096;

/**
 * What a guest packs. The last step of the iteration throws when the guest could not read everything; who stops earlier
 * ends the packing.
 *
 * @throws copy_failed, channel_closed, guest_protocol, interrupted
 */
export async function* packedBy(
  guest: GuestProcess,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  guest.stdin.end();
  const said = limited(guest.stderr);
  using _ = resetOn(signal, guest);
  try {
    for await (const piece of guest.stdout) yield piece as Buffer;
    const { code } = await guest.exited;
    if (code !== 0) throw complaint(await said, { what: show(path), undone: false });
  } finally {
    guest.reset();
  }
}

/**
 * Gives a guest something to put on its disk, as fast as it takes it. When the source fails the guest removes what it has
 * made, and the source's error is thrown.
 *
 * @throws copy_failed, channel_closed, guest_protocol, interrupted, and what the source throws
 */
export async function fedTo(
  guest: GuestProcess,
  source: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<CopyResult> {
  using _ = resetOn(signal, guest);
  const said = limited(guest.stderr);
  const report = limited(guest.stdout);
  try {
    for await (const piece of source) {
      if (guest.stdin.destroyed) break;
      if (!guest.stdin.write(piece)) await drained(guest.stdin);
    }
    guest.stdin.end();
    const { code } = await guest.exited;
    if (code !== 0) throw complaint(await said, { what: `to ${show(path)}`, undone: true });
    return readReport(await report);
  } finally {
    guest.reset();
  }
}

/** A guest's refusal to begin, in the words of copies. `missing` is what is not there when something is not. */
export function refused(error: unknown, missing: string, what: string): BangerError {
  if (!isFault(error, "guest_refused")) return asFault(error);
  const { errno, reason } = error.params as { errno?: string; reason: string };
  if (errno === "ENOENT") return fault("file_missing", { path: missing, where: "in the machine" }, error);
  if (errno === "ENOSYS") {
    const older = "the machine was started by an older banger: restart it";
    return fault("copy_failed", { what, reason: older, undone: false }, error);
  }
  return fault("copy_failed", { what, reason, undone: false }, error);
}

/** Lets go of the guest's process as soon as nobody wants its work any more. */
function resetOn(signal: AbortSignal, guest: GuestProcess): Disposable {
  const onAbort = (): void => guest.reset();
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort) };
}

function complaint(said: string, { what, undone }: { what: string; undone: boolean }): BangerError {
  const reason = readComplaint(said)?.reason ?? "the guest gave up without a word";
  return fault("copy_failed", { what, reason, undone });
}

/** The beginning of an output; the rest is read and dropped. Never rejects. */
async function limited(output: Readable): Promise<string> {
  let text = "";
  try {
    for await (const piece of output) if (text.length < reportLimit) text += String(piece);
  } catch {
    // Whoever waits for the process hears the same.
  }
  return text.slice(0, reportLimit).replaceAll(/[^\P{Cc}\n]/gu, "?");
}
