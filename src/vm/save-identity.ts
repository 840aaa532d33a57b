import { sleep } from "../lib/deadline.ts";
import { isFault } from "../lib/errors/error.ts";
import type { VmOrigin } from "../model/vm.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { VmParts } from "./parts.ts";

/**
 * Has the names and keys that a copy was given in memory reach its disk. A machine that is killed before that finds on its disk those
 * of the machine it was copied from, and is given its own once more when it boots.
 *
 * @throws guest_refused, guest_protocol, timed_out, interrupted
 */
export async function saveIdentity(
  parts: VmParts,
  id: string,
  live: LiveMachine,
  signal: AbortSignal,
): Promise<void> {
  if (isSaved(parts.vms.get(id)?.origin)) return;
  const over = new AbortController();
  void live.machine.ended.then(() => over.abort());
  const present = AbortSignal.any([signal, over.signal]);
  try {
    await sleep(parts.deadlines.saved, present);
    if (!live.present) return;
    await live.present.sync(present);
  } catch (error) {
    // The machine went before it came to that.
    if (over.signal.aborted || isFault(error, "channel_closed")) return;
    throw error;
  }
  noteSaved(parts, id);
}

/** Once all that the guest has written is on its disk. */
export function noteSaved(parts: VmParts, id: string): void {
  const origin = parts.vms.get(id)?.origin;
  if (!origin?.identity || isSaved(origin)) return;
  parts.vms.update(id, { origin: { ...origin, identity: { ...origin.identity, saved: true } } });
}

/** A machine that booted has its identity from the beginning. */
export function isSaved(origin: VmOrigin | undefined): boolean {
  return origin?.identity === undefined || origin.identity.saved === true;
}
