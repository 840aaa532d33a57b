import { drained } from "../../lib/drained.ts";
import type { OutputStream } from "../world.ts";

/** Writes, and waits while the reader is behind. */
export async function write(stream: OutputStream, chunk: Buffer | string): Promise<void> {
  if (!stream.write(chunk)) await drained(stream);
}
