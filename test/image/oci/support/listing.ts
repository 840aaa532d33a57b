import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { ImageReader } from "../../ext4/support/reader.ts";

/**
 * What a root file system has at each path, as text: type, mode, owner, size, time, extended attributes, target, device, hash of
 * the content; of a file's further names, which was the first. Paths have one character per byte.
 */
export type Listing = Record<string, string>;

export interface ListingOptions {
  /** Whether directories are shown with their times. */
  directoryTimes: boolean;
}

interface Facts {
  type: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Nanoseconds since the epoch. */
  mtime: string;
  /** Name, one character per byte, and value in hex. */
  xattrs: [string, string][];
  target?: string | undefined;
  device?: string | undefined;
  sha256?: string | undefined;
}

export function listingOfExt4(reader: ImageReader, options: ListingOptions): Listing {
  const found = [...reader.list()].filter(([path]) => path !== "lost+found");
  return listingOf(
    found.map(([path, { inode, content, target, device, mtime, xattrs, ...rest }]) => ({
      path,
      inode,
      facts: {
        ...rest,
        target,
        mtime: String(BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds)),
        xattrs: [...xattrs].map(([name, value]): [string, string] => [name, value.toString("hex")]),
        device: device && `${device.major}:${device.minor}`,
        sha256: content && createHash("sha256").update(content).digest("hex"),
      },
    })),
    options,
  );
}

/** One JSON array a path: what Node cannot say of a file, Python can. */
const script = `
import hashlib, json, os, stat, sys
root = os.fsencode(sys.argv[1])
kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFCHR: "character", stat.S_IFBLK: "block"}
def show(path):
    full = os.path.join(root, path) if path else root
    s = os.lstat(full)
    kind = kinds[stat.S_IFMT(s.st_mode)]
    facts = {"type": kind, "mode": stat.S_IMODE(s.st_mode), "uid": s.st_uid, "gid": s.st_gid, "size": s.st_size, "mtime": str(s.st_mtime_ns)}
    names = os.listxattr(full, follow_symlinks=False)
    facts["xattrs"] = [[os.fsencode(n).decode("latin1"), os.getxattr(full, n, follow_symlinks=False).hex()] for n in names]
    if kind == "symlink": facts["target"] = os.readlink(full).decode("latin1")
    if kind in ("character", "block"): facts["device"] = "%d:%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
    if kind == "file": facts["sha256"] = hashlib.sha256(open(full, "rb").read()).hexdigest()
    print(json.dumps([path.decode("latin1"), s.st_ino, facts]))
    if kind == "directory":
        for name in os.listdir(full): show(os.path.join(path, name))
show(b"")
`;

/** The same of a directory of the host, as root sees it. */
export function listingOfHost(root: string, options: ListingOptions): Listing {
  const { status, stdout, stderr } = spawnSync("python3", ["-c", script, root], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  const lines = stdout.split("\n").filter((line) => line !== "");
  const found = lines.map((line) => {
    const [path, inode, facts] = JSON.parse(line) as [string, number, Facts];
    return { path, inode, facts };
  });
  return listingOf(found, options);
}

function listingOf(found: { path: string; inode: number; facts: Facts }[], options: ListingOptions): Listing {
  const first = new Map<number, string>();
  const listing: Listing = {};
  for (const { path, inode, facts } of found.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const original = first.get(inode);
    first.set(inode, original ?? path);
    listing[path] = original === undefined ? describe(facts, options) : `link to ${JSON.stringify(original)}`;
  }
  return listing;
}

/** A directory's size is the file system's business, a link's mode nobody's. */
function describe(facts: Facts, { directoryTimes }: ListingOptions): string {
  const { type, mode, uid, gid, size, mtime, xattrs, target, device, sha256 } = facts;
  const attributes = xattrs.toSorted().map(([name, value]) => `${name}=${value}`);
  const parts = [type, `${uid}:${gid}`, ...attributes];
  if (type !== "symlink") parts.push(mode.toString(8));
  if (type !== "directory" || directoryTimes) parts.push(`at ${mtime}`);
  if (type === "file") parts.push(`${size} bytes`, sha256 ?? "");
  if (target !== undefined) parts.push(`to ${JSON.stringify(target)}`);
  if (device !== undefined) parts.push(device);
  return parts.join(" ");
}
