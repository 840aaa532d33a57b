import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { fault } from "../../lib/errors/error.ts";

const chunkBytes = 4 * 2 ** 20;

/** SHA-256 of a file in hexadecimal digits. @throws interrupted */
export async function digestFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  await using file = await open(path, "r");
  for (;;) {
    if (signal.aborted) throw fault("interrupted", { what: "checking a file" }, signal.reason);
    const { bytesRead } = await file.read(buffer, 0, chunkBytes);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
  }
}
