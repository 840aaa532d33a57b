import { lstatSync } from "node:fs";
import { show } from "../../lib/errors/define.ts";
import { fault } from "../../lib/errors/error.ts";
import { copyFlags, hex, runHelper } from "./helper.ts";

export interface TreeSource {
  /** Absolute. */
  path: Buffer;
  /** What it is called in the archive: one name, or "." for a directory whose content is meant. */
  name: Buffer;
}

/**
 * Packs files and directories of the host into an archive, with owners, modes, times, links, holes and extended
 * attributes, and gives it to `consume`. A source that cannot be read ends the stream early and fails the whole.
 *
 * @throws file_missing, copy_failed, interrupted, and what `consume` throws
 */
export async function packTree<T>(
  sources: readonly TreeSource[],
  options: { follow?: boolean | undefined; signal?: AbortSignal | undefined },
  consume: (archive: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const absent = sources.find(({ path }) => !lstatSync(path, { throwIfNoEntry: false }));
  if (absent) throw fault("file_missing", { path: String(absent.path), where: "on the host" });
  const flags = options.follow === false ? copyFlags.noFollow : 0;
  const args = ["--pack", String(flags), ...sources.flatMap(({ path, name }) => [hex(path), hex(name)])];
  const what = sources.map(({ path }) => show(String(path))).join(", ");
  return await runHelper(args, what, options.signal, async ({ stdin, stdout }) => {
    stdin.end();
    return await consume(stdout as AsyncIterable<Buffer>);
  });
}
