import { messageOf } from "../lib/errors/error.ts";
import type { VmParts } from "./parts.ts";

/** Does a part of clearing away whose failure must neither hide the error before it nor stop the parts after it. */
export async function cleanUp(
  log: VmParts["log"],
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    log(`${what} failed`, { error: messageOf(error) });
  }
}
