import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFault } from "../../../src/lib/errors/error.ts";
import { MemoryStream } from "../../../src/vmm/qemu/memory-stream.ts";
import { throwsWith } from "../../support/faults.ts";

const page = 4096;
const flags = { zero: 0x02, sizes: 0x04, page: 0x08, end: 0x10, same: 0x20 };

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: number): Buffer =>
  Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
const named = (name: string): Buffer => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);
const footer = Buffer.from([0x7e, 0, 0, 0, 2]);

const header = Buffer.concat([u32(0x5145564d), u32(3)]);
const configuration = Buffer.concat([
  Buffer.from([0x07]),
  ...[u32(7), Buffer.from("microvm")],
  ...[Buffer.from([0x05]), named("configuration/capabilities"), u32(1), u32(1), named("x-ignore-shared")],
]);

interface Block {
  name: string;
  size: number;
}

function start(blocks: readonly Block[]): Buffer {
  const total = blocks.reduce((sum, { size }) => sum + size, 0);
  return Buffer.concat([
    ...[Buffer.from([0x01]), u32(2), named("ram"), u32(0), u32(4)],
    u64(total + flags.sizes),
    ...blocks.flatMap(({ name, size }) => [named(name), u64(size), u64(0)]),
    ...[u64(flags.end), footer],
  ]);
}

/** A page that follows one of the same block names none. */
function pageOf(block: string | undefined, offset: number, content: Buffer | number): Buffer {
  const kind = typeof content === "number" ? flags.zero : flags.page;
  return Buffer.concat([
    u64(offset + kind + (block === undefined ? flags.same : 0)),
    ...(block === undefined ? [] : [named(block)]),
    typeof content === "number" ? Buffer.from([content]) : content,
  ]);
}

function section(mark: "part" | "end", ...pages: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([mark === "part" ? 2 : 3]), u32(2), ...pages, u64(flags.end), footer]);
}

const memory = { name: "/objects/memory", size: 16 * page };
const bios = { name: "bios", size: page };
const full = (byte: number): Buffer => Buffer.alloc(page, byte);

/** What comes of a stream that arrives in pieces of the given sizes, repeated. */
function split(bytes: Buffer, sizes: readonly number[] = [bytes.length]) {
  const stream = new MemoryStream((name) => name.endsWith("memory"));
  const kept: Buffer[] = [];
  const image = Buffer.alloc(memory.size);
  let written = 0;
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const out = stream.push(bytes.subarray(at, at + size));
    kept.push(...out.kept);
    for (const { offset, bytes: content } of out.memory) {
      content.copy(image, offset);
      written += 1;
    }
    at += size;
  }
  return { stream, kept: Buffer.concat(kept), image, written };
}

describe("the stream of a machine that is saved", () => {
  test("is that of one whose memory is in a file once the memory is taken out of it", () => {
    const devices = Buffer.from("whatever the devices say \x02\x03\x7e");
    const before = [header, configuration, start([memory, bios])];
    const inner = [pageOf("bios", 0, full(9))];
    const whole = Buffer.concat([
      ...before,
      section("part", pageOf(memory.name, page, full(1)), pageOf(undefined, 2 * page, full(2)), ...inner),
      section("end", pageOf(memory.name, page, full(3))),
      devices,
    ]);
    const { stream, kept, image } = split(whole);
    const expected = Buffer.concat([...before, section("part", ...inner), section("end"), devices]);
    assert.deepEqual(kept, expected);
    assert.equal(image[page], 3, "the latest counts");
    assert.equal(image[2 * page], 2);
    assert.equal(stream.size, memory.size);
    assert.equal(stream.passed, true);
  });

  test("has pages that are zero written only where something else was", () => {
    const pages = [pageOf(memory.name, 0, 0), pageOf(undefined, page, full(1)), pageOf(undefined, page, 0)];
    const { image, written } = split(Buffer.concat([header, start([memory]), section("end", ...pages)]));
    assert.equal(written, 2);
    assert.ok(image.every((byte) => byte === 0));
  });

  test("has pages that are filled with one byte written", () => {
    const { image } = split(
      Buffer.concat([header, start([memory]), section("end", pageOf(memory.name, 0, 7))]),
    );
    assert.deepEqual(image.subarray(0, page), full(7));
  });

  test("may come in any pieces", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 5 });
    const contents = fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 15 }), fill: fc.nat(255), other: fc.boolean() }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(contents, pieces, (pages, sizes) => {
        const parts = pages.map(({ at, fill, other }) =>
          other ? pageOf("bios", 0, full(fill)) : pageOf(memory.name, at * page, fill % 3 ? full(fill) : 0),
        );
        const before = [header, configuration, start([bios, memory])];
        const whole = Buffer.concat([
          ...before,
          section("part", ...parts),
          section("end"),
          Buffer.from("rest"),
        ]);
        const expected = Buffer.alloc(memory.size);
        for (const { at, fill, other } of pages) {
          if (!other) (fill % 3 ? full(fill) : full(0)).copy(expected, at * page);
        }
        const { kept, image } = split(whole, sizes);
        const others = parts.filter((_, index) => pages[index]?.other);
        assert.deepEqual(image, expected);
        assert.deepEqual(
          kept,
          Buffer.concat([...before, section("part", ...others), section("end"), Buffer.from("rest")]),
        );
      }),
      { numRuns: 60 },
    );
  });

  const refused: [string, Buffer, string][] = [
    ["another format", Buffer.alloc(8), "it has another format"],
    [
      "a section before the memory",
      Buffer.concat([header, Buffer.from([1]), u32(1), named("timer"), u32(0), u32(1)]),
      'the section "timer" comes before the memory',
    ],
    [
      "an unknown mark",
      Buffer.concat([header, Buffer.from([9])]),
      "the mark 9 comes before the memory's end",
    ],
    [
      "a page beyond the memory",
      Buffer.concat([header, start([memory]), section("part", pageOf(memory.name, memory.size, full(1)))]),
      "a page lies outside the memory",
    ],
    [
      "a compressed page",
      Buffer.concat([header, start([memory]), Buffer.from([2]), u32(2), u64(0x100)]),
      "a page has the flags 256",
    ],
    [
      "a section without an end",
      Buffer.concat([header, start([memory]).subarray(0, -5), Buffer.alloc(5)]),
      "a section has no end",
    ],
  ];
  for (const [what, bytes, problem] of refused) {
    test(`with ${what} is refused`, () => {
      throwsWith(
        () => split(bytes),
        "vmm_protocol",
        `QEMU answered with something unexpected: the state that it saved cannot be read: ${problem}`,
      );
    });
  }

  test("that is cut off is not passed", () => {
    const whole = Buffer.concat([header, start([memory]), section("part", pageOf(memory.name, 0, full(1)))]);
    assert.equal(split(whole.subarray(0, -100)).stream.passed, false);
  });

  test("of any bytes is refused or waited for, never more than a page and a name of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, begun) => {
        const bytes = Buffer.concat([header, ...(begun ? [start([memory])] : []), Buffer.from(noise)]);
        try {
          split(bytes, [7]);
        } catch (error) {
          assert.ok(isFault(error, "vmm_protocol"), String(error));
        }
      }),
      { numRuns: 100 },
    );
  });
});
