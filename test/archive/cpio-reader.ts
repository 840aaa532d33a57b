import assert from "node:assert/strict";

export interface ReadCpioEntry {
  path: string;
  inode: number;
  /** With the bits of the type. */
  mode: number;
  links: number;
  device: [major: number, minor: number];
  content: Buffer;
}

/** Reads a newc archive, being strict about everything that the kernel relies on. */
export function readCpio(archive: Buffer): ReadCpioEntry[] {
  const entries: ReadCpioEntry[] = [];
  for (let at = 0; ; ) {
    assert.equal(archive.toString("latin1", at, at + 6), "070701", `magic at ${at}`);
    const field = (index: number): number => {
      const digits = archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8);
      assert.match(digits, /^[0-9A-F]{8}$/);
      return Number.parseInt(digits, 16);
    };
    const [size, nameLength] = [field(6), field(11)];
    for (const zero of [2, 3, 5, 7, 8, 12]) assert.equal(field(zero), 0, `field ${zero}`);
    const name = archive.subarray(at + 110, at + 110 + nameLength);
    assert.equal(name.indexOf(0), nameLength - 1);
    const content = align(at + 110 + nameLength);
    const path = name.toString("utf8", 0, nameLength - 1);
    if (path === "TRAILER!!!") {
      assert.ok(archive.subarray(content).every((byte) => byte === 0));
      return entries;
    }
    entries.push({
      path,
      inode: field(0),
      mode: field(1),
      links: field(4),
      device: [field(9), field(10)],
      content: archive.subarray(content, content + size),
    });
    at = align(content + size);
  }
}

function align(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
