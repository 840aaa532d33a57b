import { lstatSync } from "node:fs";
import { homedir } from "node:os";
import { readTar } from "../archive/tar/read.ts";
import { type TarInput, writeTar } from "../archive/tar/write.ts";
import { packTree } from "../archive/tree/pack.ts";
import { fault } from "../lib/errors/error.ts";
import { guestTree } from "./files.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";

/**
 * Gives a new machine its copies of what `file_sync` in the configuration names, before its init starts. What is not on this
 * host is noted and passed over.
 *
 * @throws vm_failed with what kept one from being copied
 */
export async function syncFiles(
  parts: Pick<VmParts, "log"> & { config: Pick<VmParts["config"], "file_sync"> },
  agent: Agent,
  vm: string,
  signal: AbortSignal,
): Promise<void> {
  for (const { host, guest, mode } of parts.config.file_sync ?? []) {
    const path = host.replace(/^~/, homedir());
    if (!lstatSync(path, { throwIfNoEntry: false })) {
      parts.log("a file of file_sync is missing and was passed over", { vm, host: path });
      continue;
    }
    const target = guest.replace(/^~/, "/root").split("/").filter(Boolean);
    const name = Buffer.from("synced");
    const spec = { path: "/", directory: true };
    try {
      await packTree([{ path: Buffer.from(path), name }], { signal }, (archive) =>
        guestTree.unpack(agent, spec, writeTar(placed(archive, target, Number.parseInt(mode, 8))), signal),
      );
    } catch (error) {
      if (signal.aborted) throw error;
      throw fault("vm_failed", { name: vm, reason: `file_sync of ${path} to ${guest}` }, error);
    }
  }
}

/**
 * The archive of one file or directory under another path: root's, without links, a single file with the given mode.
 * Directories on the way are private where they are new.
 */
async function* placed(
  archive: AsyncIterable<Buffer>,
  target: readonly string[],
  mode: number,
): AsyncGenerator<TarInput, void, void> {
  for (let depth = 1; depth < target.length; depth += 1) {
    yield { ...directory, path: Buffer.from(target.slice(0, depth).join("/")) };
  }
  for await (const member of readTar(archive)) {
    if (member.type === "symlink") continue;
    const rest = afterFirst(member.path);
    const path = moved(rest, target);
    const link = member.link && moved(afterFirst(member.link), target);
    const single = rest.length === 0 && member.type === "file";
    yield {
      ...member,
      ...(link ? { link } : {}),
      ...(single ? { mode } : {}),
      path,
      uid: 0,
      gid: 0,
      xattrs: new Map(),
    };
  }
}

const directory = {
  type: "directory",
  mode: 0o700,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 },
  xattrs: new Map<string, Buffer>(),
} as const;

/** What follows the first name of a path, with its slash. */
function afterFirst(path: Buffer): Buffer {
  const slash = path.indexOf("/");
  return slash === -1 ? Buffer.alloc(0) : path.subarray(slash);
}

function moved(rest: Buffer, target: readonly string[]): Buffer {
  return Buffer.concat([Buffer.from(target.join("/")), rest]);
}
