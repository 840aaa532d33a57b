import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { padded, parseHeader } from "../../../src/archive/tar/header.ts";
import { throwsWith } from "../../support/faults.ts";
import { rawHeader } from "../support.ts";

describe("parseHeader", () => {
  test("reads the fields of a ustar header", () => {
    const header = parseHeader(
      rawHeader({
        name: "dir/f",
        mode: "0104755\0",
        uid: "0001750\0",
        size: "00000000010\0",
        mtime: "00000000100\0",
      }),
      0,
    );
    assert.deepEqual(header, {
      name: Buffer.from("dir/f"),
      mode: 0o4755,
      uid: 1000,
      gid: 0,
      size: 8,
      mtime: 64,
      flag: "0",
      link: Buffer.alloc(0),
      device: undefined,
    });
  });

  test("takes a block of zeros for no header", () => {
    assert.equal(parseHeader(Buffer.alloc(512), 0), undefined);
  });

  test("puts the prefix before the name, in POSIX's format only", () => {
    const prefix = [[345, "a/b"]] as const;
    assert.equal(parseHeader(rawHeader({ at: prefix }), 0)?.name.toString(), "a/b/file");
    assert.equal(parseHeader(rawHeader({ at: prefix, magic: "ustar  \0" }), 0)?.name.toString(), "file");
    assert.equal(parseHeader(rawHeader({ at: prefix, magic: "" }), 0)?.name.toString(), "file");
  });

  test("reads names and links that fill their fields", () => {
    const header = parseHeader(rawHeader({ name: "n".repeat(100), link: "l".repeat(100), magic: "" }), 0);
    assert.equal(header?.name.toString(), "n".repeat(100));
    assert.equal(header?.link.toString(), "l".repeat(100));
  });

  test("takes the type of v7 archives for a file", () => {
    assert.equal(parseHeader(rawHeader({ flag: "\0", magic: "" }), 0)?.flag, "0");
  });

  test("reads device numbers of devices only, as others have anything there", () => {
    const numbers = [
      [329, "0000010\0"],
      [337, "0000001\0"],
    ] as const;
    assert.deepEqual(parseHeader(rawHeader({ flag: "4", at: numbers }), 0)?.device, { major: 8, minor: 1 });
    assert.equal(parseHeader(rawHeader({ flag: "0", at: [[329, "garbage"]] }), 0)?.device, undefined);
  });

  test("refuses a wrong checksum", () => {
    throwsWith(
      () => parseHeader(rawHeader({ checksum: "0000001\0" }), 1536),
      "archive_invalid",
      /^the tar data is not valid at byte 1536: the header's checksum is 1, expected \d+$/,
    );
  });

  test("accepts the sum of signed bytes that old makers wrote", () => {
    const block = rawHeader({ name: "\xff\xfe" });
    const unsigned = Number.parseInt(block.toString("latin1", 148, 154), 8);
    block.write((unsigned - 512).toString(8).padStart(6, "0"), 148, "latin1");
    assert.deepEqual(parseHeader(block, 0)?.name, Buffer.from([0xff, 0xfe]));
  });

  test("copies names, so that an entry does not hold on to its chunk", () => {
    const chunk = Buffer.alloc(1024 * 1024);
    rawHeader({ name: "abc", link: "def" }).copy(chunk);
    const header = parseHeader(chunk.subarray(0, 512), 0);
    assert.notEqual(header?.name.buffer, chunk.buffer);
    assert.notEqual(header?.link.buffer, chunk.buffer);
  });
});

test("padded rounds up to whole blocks", () => {
  assert.deepEqual([0, 1, 512, 513, 2 ** 40 + 1].map(padded), [0, 512, 512, 1024, 2 ** 40 + 512]);
});
