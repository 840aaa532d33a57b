import { writeTar } from "../../../src/archive/tar/write.ts";

/** A file of a package; a text becomes its content. */
export type PackageFiles = Record<string, string | Buffer>;

/** Seconds since the epoch. */
export const packageTime = 1_700_000_000;

/** What begins like a bzImage. */
export function fakeVmlinuz(text = "kernel"): Buffer {
  const image = Buffer.alloc(4096, text);
  image.write("HdrS", 0x202, "latin1");
  return image;
}

/** Files of a kernel package as bookworm (`lib`) or trixie (`usr/lib`) ship them. */
export function kernelFiles(release: string, prefix: "lib" | "usr/lib" = "lib"): PackageFiles {
  const modules = `${prefix}/modules/${release}`;
  const files: PackageFiles = {
    [`boot/vmlinuz-${release}`]: fakeVmlinuz(`kernel ${release} `),
    [`boot/config-${release}`]: "CONFIG_X=y\n",
    [`${modules}/modules.builtin`]: "kernel/fs/ext4/ext4.ko\nkernel/crypto/crc32c_generic.ko\n",
    [`${modules}/modules.order`]: "",
    [`${modules}/modules.builtin.modinfo`]: "",
  };
  for (const name of ["virtio_ring", "virtio", "virtio_pci", "virtio_console", "virtio_blk", "virtio_net"]) {
    files[`${modules}/kernel/${name}.ko`] = `\x7fELF module ${name}`;
  }
  return files;
}

/** What depmod would say of `kernelFiles`. */
export const kernelDependencies = `kernel/virtio.ko: kernel/virtio_ring.ko
kernel/virtio_ring.ko:
kernel/virtio_pci.ko: kernel/virtio.ko kernel/virtio_ring.ko
kernel/virtio_console.ko: kernel/virtio.ko kernel/virtio_ring.ko
kernel/virtio_blk.ko: kernel/virtio.ko kernel/virtio_ring.ko
kernel/virtio_net.ko: kernel/virtio.ko kernel/virtio_ring.ko
`;

/** A Debian package (deb(5)) with these files. */
export async function makeDeb(files: PackageFiles): Promise<Buffer> {
  const entries = Object.entries(files).map(([path, text]) => {
    const content = Buffer.from(text);
    return {
      path: Buffer.from(`./${path}`),
      type: "file" as const,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: { seconds: packageTime, nanoseconds: 0 },
      xattrs: new Map(),
      content: [content],
    };
  });
  const pieces: Buffer[] = [];
  for await (const piece of writeTar(entries)) pieces.push(piece);
  return Buffer.concat([
    Buffer.from("!<arch>\n"),
    arMember("debian-binary", Buffer.from("2.0\n")),
    arMember("control.tar", Buffer.alloc(1024)),
    arMember("data.tar", Buffer.concat(pieces)),
  ]);
}

function arMember(name: string, content: Buffer): Buffer {
  const fields = [name.padEnd(16), "0".padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
  const header = Buffer.from(`${fields.join("")}${String(content.length).padEnd(10)}\`\n`);
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2, "\n")]);
}
