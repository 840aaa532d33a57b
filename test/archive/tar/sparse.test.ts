import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatPaxRecord } from "../../../src/archive/tar/pax.ts";
import { rejectsWith } from "../../support/faults.ts";
import { block, endMarker, rawHeader, rawMember, readAll } from "../support.ts";

function pax(records: [string, string][]): Buffer {
  const all = records.map(([key, value]) => formatPaxRecord(key, Buffer.from(value)));
  return rawMember({ name: "PaxHeaders/x", flag: "x" }, Buffer.concat(all));
}

async function read(...parts: Buffer[]): ReturnType<typeof readAll> {
  return await readAll(Buffer.concat([...parts, endMarker]));
}

const expected = Buffer.concat([Buffer.alloc(600), Buffer.from("abc"), Buffer.alloc(397), Buffer.from("de")]);

describe("pax sparse files", () => {
  test("of format 0.0 have their map in repeated records", async () => {
    const records: [string, string][] = [
      ["GNU.sparse.size", "1002"],
      ["GNU.sparse.numblocks", "2"],
      ["GNU.sparse.offset", "600"],
      ["GNU.sparse.numbytes", "3"],
      ["GNU.sparse.offset", "1000"],
      ["GNU.sparse.numbytes", "2"],
    ];
    const [member] = await read(pax(records), rawMember({ name: "s" }, "abcde"));
    assert.deepEqual(member?.bytes, expected);
    assert.equal(member?.path.toString(), "s");
  });

  test("of format 0.1 have their map in one record, and their name in another", async () => {
    const records: [string, string][] = [
      ["GNU.sparse.size", "1002"],
      ["GNU.sparse.name", "real/name"],
      ["GNU.sparse.map", "600,3,1000,2"],
    ];
    const [member] = await read(pax(records), rawMember({ name: "GNUSparseFile.1/s" }, "abcde"));
    assert.deepEqual(member?.bytes, expected);
    assert.equal(member?.path.toString(), "real/name");
    assert.equal(member?.size, 1002);
  });

  test("of format 1.0 have their map in front of their content", async () => {
    const records = version1("1002");
    const content = Buffer.concat([block("2\n600\n3\n1000\n2\n"), Buffer.from("abcde")]);
    const [member] = await read(pax(records), rawMember({ name: "GNUSparseFile.1/s" }, content));
    assert.deepEqual(member?.bytes, expected);
    assert.equal(member?.path.toString(), "s");
  });

  test("may be nothing but a hole", async () => {
    const [old, one] = await read(
      pax([["GNU.sparse.size", "2000"]]),
      rawMember({ name: "a" }),
      pax(version1("2000")),
      rawMember({}, block("0\n")),
    );
    assert.deepEqual(old?.bytes, Buffer.alloc(2000));
    assert.deepEqual(one?.bytes, Buffer.alloc(2000));
  });

  test("with a map that makes no sense are refused", async () => {
    const cases: [map: string, problem: string][] = [
      ["0,3,2,2", "the sparse map has ranges that overlap"],
      ["10,3,2,2", "the sparse map has ranges that overlap"],
      ["0,3,4", "the sparse map has an offset without a length"],
      ["0,3,4,x", 'the length of a sparse range is "x", not a number'],
      ["0,3,99,2", "the sparse map goes to byte 101 of a file of 100 bytes"],
      ["0,3,50,1", "the sparse map has 4 bytes of data, the entry 5"],
      ["0,3,50,9007199254740900", "the sparse map goes to byte 9007199254740950 of a file of 100 bytes"],
    ];
    for (const [map, problem] of cases) {
      const records: [string, string][] = [
        ["GNU.sparse.size", "100"],
        ["GNU.sparse.map", map],
      ];
      await rejectsWith(
        read(pax(records), rawMember({}, "abcde")),
        "archive_invalid",
        `the tar data is not valid at byte 1024: ${problem}`,
      );
    }
  });

  test("of format 1.0 with a map that makes no sense are refused", async () => {
    const cases: [map: string, problem: string][] = [
      ["1\n0\n", "the sparse map is longer than its entry"],
      ["x\n", 'the number of sparse ranges is "x", not a number'],
      ["9".repeat(100), `the number of sparse ranges is "${"9".repeat(32)}", not a number`],
      ["99999\n", "the sparse map is longer than its entry"],
    ];
    for (const [map, problem] of cases) {
      await rejectsWith(
        read(pax(version1("100")), rawMember({}, block(map))),
        "archive_invalid",
        `the tar data is not valid at byte 1024: ${problem}`,
      );
    }
  });

  test("of another format are refused", async () => {
    const records = version1("100").map(([key, value]): [string, string] => [
      key,
      value === "1" ? "2" : value,
    ]);
    await rejectsWith(
      read(pax(records), rawMember({})),
      "archive_invalid",
      "the tar data is not valid at byte 1024: the sparse format is 2.0, which is not known",
    );
  });

  test("have maps within the limit of headers", async () => {
    const size = "00020000000\0"; // 4 MiB
    const archive = Buffer.concat([
      pax(version1("100")),
      rawHeader({ size }),
      block("400000\n"),
      Buffer.alloc(2 ** 21, "1\n"),
    ]);
    await rejectsWith(
      readAll(archive),
      "archive_too_large",
      "the tar data has a header over the limit of 1048576 bytes",
    );
  });
});

describe("files of GNU's old sparse format", () => {
  const twelve = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;

  /** Ranges of 2 bytes at multiples of 1000: four in the header, 21 in each block after it. */
  function archive(count: number, size = count * 1000): Buffer {
    const ranges = [...Array(count).keys()].map((index) => twelve(index * 1000) + twelve(2));
    const head = ranges.slice(0, 4).join("");
    const blocks: Buffer[] = [];
    for (let start = 4; start < count; start += 21) {
      const extension = Buffer.alloc(512);
      extension.write(ranges.slice(start, start + 21).join(""), "latin1");
      if (start + 21 < count) extension[504] = 1;
      blocks.push(extension);
    }
    const header = rawHeader({
      flag: "S",
      magic: "ustar  \0",
      size: twelve(count * 2),
      at: [
        [386, head],
        [482, count > 4 ? "\x01" : "\0"],
        [483, twelve(size)],
      ],
    });
    return Buffer.concat([header, ...blocks, block("ab".repeat(count))]);
  }

  test("have their map in the header, and in blocks behind it", async () => {
    for (const count of [0, 1, 4, 5, 25, 26, 60]) {
      const [member, next] = await read(archive(count, count * 1000 + 10), rawMember({ name: "next" }));
      const whole = Buffer.alloc(count * 1000 + 10);
      for (let index = 0; index < count; index += 1) whole.write("ab", index * 1000);
      assert.deepEqual(member?.bytes, whole, `${count} ranges`);
      assert.equal(next?.path.toString(), "next");
    }
  });

  test("are refused when they are cut in the map, or longer than they say", async () => {
    await rejectsWith(
      readAll(archive(60).subarray(0, 700)),
      "archive_truncated",
      "the tar data ends early, at byte 700, in a sparse map",
    );
    await rejectsWith(
      read(archive(4, 3001)),
      "archive_invalid",
      "the tar data is not valid at byte 0: the sparse map goes to byte 3002 of a file of 3001 bytes",
    );
  });

  test("have maps within the limit of headers", async () => {
    await rejectsWith(
      readAll(archive(200), { limits: { headerBytes: 1024 } }),
      "archive_too_large",
      "the tar data has a header over the limit of 1024 bytes",
    );
  });
});

function version1(realsize: string): [string, string][] {
  return [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "s"],
    ["GNU.sparse.realsize", realsize],
  ];
}
