import { gzipSync } from "node:zlib";

export const ownRelease = "6.9.0-own";

/** All that machines need and use, built in. */
export const fullConfig = [
  ..."BLK_DEV_INITRD BINFMT_ELF PCI ACPI DEVTMPFS PROC_FS SYSFS VIRTIO_PCI VIRTIO_CONSOLE VIRTIO_BLK EXT4_FS".split(
    " ",
  ),
  ..."VIRTIO_NET OVERLAY_FS BRIDGE SQUASHFS VIRTIO_VSOCKETS HW_RANDOM_VIRTIO CGROUPS SERIAL_8250_CONSOLE".split(
    " ",
  ),
]
  .map((name) => `CONFIG_${name}=y\n`)
  .join("");

export function without(config: string, ...options: string[]): string {
  return options.reduce((text, name) => text.replace(`CONFIG_${name}=y\n`, ""), config);
}

/** What an uncompressed kernel has in it: an ELF header, a PVH note, its banner and perhaps its configuration. */
export function fakeVmlinux(
  options: { release?: string; config?: string; pvh?: boolean; machine?: number; type?: number } = {},
): Buffer {
  const { release = ownRelease, config, pvh = true, machine = 62, type = 2 } = options;
  const head = Buffer.alloc(64 + 56);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(type, 0x10);
  head.writeUInt16LE(machine, 0x12);
  head.writeBigUInt64LE(64n, 0x20);
  head.writeUInt16LE(56, 0x36);
  head.writeUInt16LE(1, 0x38);
  const notes = Buffer.concat([note(1, "GNU\0", 20), note(pvh ? 18 : 17, "Xen\0", 8)]);
  head.writeUInt32LE(4, 64);
  head.writeBigUInt64LE(BigInt(head.length), 64 + 0x08);
  head.writeBigUInt64LE(BigInt(notes.length), 64 + 0x20);
  const parts = [head, notes, Buffer.alloc(5000, "%s version %s Linux version %s ")];
  if (release) parts.push(Buffer.from(`\0Linux version ${release} (me@host) #1 SMP\0`));
  if (config !== undefined) parts.push(Buffer.from("IKCFG_ST"), gzipSync(config), Buffer.from("IKCFG_ED"));
  return Buffer.concat([...parts, Buffer.alloc(3000, 1)]);
}

function note(type: number, name: string, size: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(size, 4);
  head.writeUInt32LE(type, 8);
  return Buffer.concat([head, Buffer.from(name, "latin1"), Buffer.alloc(size)]);
}

/** A bzImage around a payload as the kernel's build makes it, whatever that is compressed with. */
export function fakeBzImage(payload: Buffer, options: { version?: string; protocol?: number } = {}): Buffer {
  const { version = `${ownRelease} (me@host) #1`, protocol = 0x20f } = options;
  const setup = Buffer.alloc(1024);
  setup[0x1f1] = 1;
  setup.write("HdrS", 0x202, "latin1");
  setup.writeUInt16LE(protocol, 0x206);
  setup.writeUInt16LE(0x100, 0x20e);
  setup.writeUInt32LE(16, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  setup.write(`${version}\0`, 0x300, "latin1");
  return Buffer.concat([setup, Buffer.alloc(16), payload, Buffer.alloc(32)]);
}

/** Followed by the size of what it holds, as all compressed kernels but those of gzip are. */
export function sized(packed: Buffer): Buffer {
  return Buffer.concat([packed, Buffer.alloc(4)]);
}
