import { createHash } from "node:crypto";
import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readDeb } from "../archive/deb.ts";
import { splitPath } from "../archive/path.ts";
import type { TarMember } from "../archive/tar/entry.ts";
import { fault } from "../lib/errors/error.ts";

export interface UnpackedKernel {
  /** What `uname -r` will print. */
  release: string;
  vmlinuz: { size: number; sha256: string };
  /** Absolute path of `lib/modules/<release>`. */
  modules: string;
  /** Seconds since the epoch: the newest file of the package. */
  time: number;
}

/** "HdrS", 0x202 bytes into a bzImage (Documentation/arch/x86/boot.rst of the kernel). */
const bootMagic = { offset: 0x202, bytes: Buffer.from("HdrS") };

/**
 * Takes the kernel and its modules out of a package: the kernel to the file `vmlinuz`, the modules to `<tree>/lib/modules`, where
 * depmod looks for them. Releases since trixie ship them below /usr/lib.
 *
 * @throws kernel_unusable when one of the two is missing, archive_invalid, archive_truncated, interrupted
 */
export async function unpackKernel(
  name: string,
  deb: string,
  to: { vmlinuz: string; tree: string },
  signal: AbortSignal,
): Promise<UnpackedKernel> {
  await mkdir(join(to.tree, "usr/lib/modules"), { recursive: true });
  await symlink("usr/lib", join(to.tree, "lib"));
  const releases = new Set<string>();
  const folders = new Set<string>();
  let kernel: { release: string; file: UnpackedKernel["vmlinuz"] } | undefined;
  let time = 0;
  for await (const member of readDeb(deb, "data", { signal })) {
    const path = splitPath(member.path).map((part) => part.toString("utf8"));
    if (path[0] === "usr" && path[1] === "lib") path.shift();
    if (member.type === "file") time = Math.max(time, member.mtime.seconds);
    const image =
      path.length === 2 && path[0] === "boot" ? /^vmlinuz-(.+)$/.exec(path[1] ?? "")?.[1] : undefined;
    if (image !== undefined && member.type === "file") {
      if (kernel) throw fault("kernel_unusable", { name, problem: "its package holds two kernels" });
      kernel = { release: image, file: await writeKernel(name, member, to.vmlinuz) };
    } else if (
      path[0] === "lib" &&
      path[1] === "modules" &&
      path[2] !== undefined &&
      member.type === "file"
    ) {
      releases.add(path[2]);
      await writeModule(member, join(to.tree, ...path), folders);
    }
  }
  if (!kernel) throw fault("kernel_unusable", { name, problem: "its package holds no boot/vmlinuz" });
  const { release, file } = kernel;
  if (!releases.has(release)) {
    throw fault("kernel_unusable", { name, problem: `its package holds no modules of ${release}` });
  }
  return { release, vmlinuz: file, modules: join(to.tree, "lib/modules", release), time };
}

async function writeKernel(
  name: string,
  member: TarMember,
  path: string,
): Promise<UnpackedKernel["vmlinuz"]> {
  const hash = createHash("sha256");
  const file = await open(path, "wx+", 0o600);
  try {
    let size = 0;
    for await (const piece of member.content) {
      hash.update(piece);
      await file.write(piece);
      size += piece.length;
    }
    const { offset, bytes } = bootMagic;
    const { buffer } = await file.read(Buffer.alloc(bytes.length), 0, bytes.length, offset);
    if (!buffer.equals(bytes)) throw fault("kernel_unusable", { name, problem: "its vmlinuz is no bzImage" });
    await file.sync();
    return { size, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

async function writeModule(member: TarMember, path: string, folders: Set<string>): Promise<void> {
  const folder = dirname(path);
  if (!folders.has(folder)) await mkdir(folder, { recursive: true });
  folders.add(folder);
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of member.content) await file.write(piece);
  } finally {
    await file.close();
  }
}
