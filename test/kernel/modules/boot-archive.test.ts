import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { makeBootArchive } from "../../../src/kernel/modules/boot-archive.ts";
import { readCpio } from "../../archive/cpio-reader.ts";
import { xz } from "../../debian/support/archive.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const signal = new AbortController().signal;
const elf = (name: string): Buffer => Buffer.from(`\x7fELF module ${name}`);

describe("the archive of boot modules", () => {
  test("holds them uncompressed, and their list", async (t) => {
    const directory = temporaryDirectory(t);
    const files: Record<string, Buffer> = {
      "modules.dep": Buffer.from(
        "k/virtio_pci.ko:\nk/virtio_console.ko.xz: k/virtio_pci.ko\nk/virtio_blk.ko.gz:\nk/virtio_net.ko.zst:\n",
      ),
      "modules.builtin": Buffer.from("k/ext4.ko\n"),
      "k/virtio_pci.ko": elf("pci"),
      "k/virtio_console.ko.xz": xz(elf("console")),
      "k/virtio_blk.ko.gz": gzipSync(elf("blk")),
      "k/virtio_net.ko.zst": zstdCompressSync(elf("net")),
    };
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    const archive = await makeBootArchive("mine", directory, signal);
    assert.deepEqual(archive, await makeBootArchive("mine", directory, signal));
    const found = readCpio(archive).map(({ path, content }) => [path, content.toString()]);
    assert.deepEqual(found, [
      ["etc", ""],
      ["etc/modules.load", "virtio_pci.ko\nvirtio_console.ko\n--\nvirtio_blk.ko\n--\nvirtio_net.ko\n"],
      ["lib", ""],
      ["lib/modules", ""],
      ["lib/modules/virtio_pci.ko", elf("pci").toString()],
      ["lib/modules/virtio_console.ko", elf("console").toString()],
      ["lib/modules/virtio_blk.ko", elf("blk").toString()],
      ["lib/modules/virtio_net.ko", elf("net").toString()],
    ]);
  });
});
