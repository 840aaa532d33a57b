import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { TarMember } from "../../archive/tar/entry.ts";

/** The files that become the modules drive of a kernel, which a machine mounts on /lib/modules/<release>. */
export interface ModulesTree {
  release: string;
  /** Bytes of content, each file rounded up to 4 KiB blocks. */
  bytes: number;
  entries: number;
  /** Seconds since the epoch, of every entry. */
  time: number;
  /** Folders before what is in them, names in order. */
  members(): AsyncIterable<TarMember>;
}

/**
 * Writes a tree as a read-only ext4 image to a new file, flushed. It is given to this layer: images are made in a higher one.
 */
export type WriteModules = (tree: ModulesTree, path: string, signal: AbortSignal) => Promise<void>;

interface Found {
  path: string;
  size: number;
  isDirectory: boolean;
}

const blockSize = 4096;
const pieceSize = 256 * 1024;

/** Takes stock of a directory of modules. Everything will belong to root, be readable for all and have one time. */
export async function modulesTree(directory: string, release: string, time: number): Promise<ModulesTree> {
  const found = await walk(directory, "");
  return {
    release,
    time,
    bytes: found.reduce((sum, { size }) => sum + Math.ceil(size / blockSize) * blockSize, 0),
    entries: found.length,
    members: async function* () {
      for (const one of found) yield memberOf(directory, one, time);
    },
  };
}

async function walk(directory: string, prefix: string): Promise<Found[]> {
  const found: Found[] = [];
  const entries = await readdir(join(directory, prefix), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory())
      found.push({ path, size: 0, isDirectory: true }, ...(await walk(directory, path)));
    else if (entry.isFile()) {
      found.push({ path, size: (await stat(join(directory, path))).size, isDirectory: false });
    }
  }
  return found;
}

/** Most modules are smaller than a stream's buffer, of which thousands would wait for the garbage collector. */
async function* readPieces(path: string, size: number): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    for (let position = 0; position < size; ) {
      const buffer = Buffer.allocUnsafe(Math.min(size - position, pieceSize));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function memberOf(directory: string, { path, size, isDirectory }: Found, time: number): TarMember {
  const content = async function* (): AsyncGenerator<Buffer> {
    if (!isDirectory) yield* readPieces(join(directory, path), size);
  };
  const extents = async function* (): AsyncGenerator<{ offset: number; data: Buffer }> {
    let offset = 0;
    for await (const data of content()) {
      yield { offset, data };
      offset += data.length;
    }
  };
  return {
    path: Buffer.from(path),
    type: isDirectory ? "directory" : "file",
    mode: isDirectory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { seconds: time, nanoseconds: 0 },
    xattrs: new Map(),
    content: content(),
    extents: extents(),
  };
}
