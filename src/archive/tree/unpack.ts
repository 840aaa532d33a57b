import { drained } from "../../lib/drained.ts";
import { show } from "../../lib/errors/define.ts";
import { checkedTar } from "./checked.ts";
import { copyFlags, hex, runHelper } from "./helper.ts";

/** What came of a copy. */
export interface CopyResult {
  /** Files, directories, links and so on. */
  entries: number;
  /** Of their contents, holes included. */
  bytes: number;
  /** Devices and attributes that could not be made where they went. */
  leftOut: number;
}

/**
 * Unpacks an archive of unknown origin on the host, without ever leaving the destination: no link is followed below it, owners
 * are the caller's, no set-id bits, no devices. A destination that is a directory gets the members below it; else they take
 * its name in place of the first component of theirs. When it fails, what is new is removed again.
 *
 * @throws file_missing, copy_failed, interrupted, the archive's errors, and what the source throws
 */
export async function unpackTree(
  archive: AsyncIterable<Uint8Array>,
  destination: Buffer,
  options: { directory?: boolean | undefined; signal?: AbortSignal | undefined } = {},
): Promise<CopyResult> {
  const flags = options.directory ? copyFlags.intoDirectory : 0;
  const args = ["--unpack", String(flags), hex(destination)];
  const what = `to ${show(String(destination))}`;
  return await runHelper(args, what, options.signal, async ({ stdin, stdout }) => {
    // A helper that gives up closes its input; what it says then comes first.
    stdin.on("error", () => undefined);
    const report = textOf(stdout as AsyncIterable<Buffer>);
    report.catch(() => undefined);
    for await (const piece of checkedTar(archive)) {
      if (stdin.destroyed) break;
      if (!stdin.write(piece)) await drained(stdin);
    }
    stdin.end();
    return readReport(await report);
  });
}

/** The line with which the agent's program ends a copy. Undefined numbers are those of a helper that failed. */
export function readReport(text: string): CopyResult {
  const [entries = 0, bytes = 0, leftOut = 0] = text.trim().split(" ").map(count);
  return { entries, bytes, leftOut };
}

function count(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

async function textOf(output: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of output) pieces.push(piece);
  return Buffer.concat(pieces).toString("latin1");
}
