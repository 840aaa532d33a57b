import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readAr } from "../../src/archive/ar.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { run } from "../../src/lib/process.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { arMember, chunked, gather } from "./support.ts";

const magic = Buffer.from("!<arch>\n");

async function read(archive: Uint8Array, chunk = 1000): Promise<[name: string, content: string][]> {
  const members: [string, string][] = [];
  for await (const { name, size, content } of readAr(chunked(archive, chunk))) {
    const bytes = await gather(content);
    assert.equal(bytes.length, size);
    members.push([name, bytes.toString("latin1")]);
  }
  return members;
}

describe("readAr", () => {
  test("reads what ar writes", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "one"), "odd");
    writeFileSync(join(directory, "two.tar.xz"), "even");
    writeFileSync(join(directory, "empty"), "");
    await run("ar", ["rcS", "x.a", "one", "two.tar.xz", "empty"], { cwd: directory });
    assert.deepEqual(await read(readFileSync(join(directory, "x.a"))), [
      ["one", "odd"],
      ["two.tar.xz", "even"],
      ["empty", ""],
    ]);
  });

  test("reads members of any content, however the stream is cut", async () => {
    const member = fc.tuple(fc.stringMatching(/^[a-z][a-z.-]{0,14}$/), fc.string({ unit: "binary-ascii" }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { maxLength: 5 }),
        fc.integer({ min: 1, max: 100 }),
        async (members, chunk) => {
          const archive = Buffer.concat([magic, ...members.map(([name, text]) => arMember(name, text))]);
          assert.deepEqual(await read(archive, chunk), members);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("skips what is not read", async () => {
    const archive = Buffer.concat([magic, arMember("a", "12345"), arMember("b", "x")]);
    const names: string[] = [];
    for await (const { name } of readAr(chunked(archive, 7))) names.push(name);
    assert.deepEqual(names, ["a", "b"]);
  });

  test("does without the padding of the last member", async () => {
    assert.deepEqual(await read(Buffer.concat([magic, arMember("a", "odd")]).subarray(0, -1)), [
      ["a", "odd"],
    ]);
  });

  test("refuses what is not an ar archive", async () => {
    const invalid = (at: number, problem: string): string =>
      `the ar data is not valid at byte ${at}: ${problem}`;
    await rejectsWith(
      read(Buffer.from("PK\x03\x04")),
      "archive_invalid",
      invalid(0, 'it starts with "PK\\u0003\\u0004"'),
    );
    await rejectsWith(read(Buffer.alloc(0)), "archive_invalid", invalid(0, 'it starts with ""'));
    const bad = arMember("a", "x");
    bad.write("!", 58);
    await rejectsWith(
      read(Buffer.concat([magic, bad])),
      "archive_invalid",
      invalid(8, "a header is malformed"),
    );
    const sized = arMember("a", "x");
    sized.write("-1  ", 48);
    await rejectsWith(
      read(Buffer.concat([magic, sized])),
      "archive_invalid",
      invalid(8, "a header is malformed"),
    );
  });

  test("refuses the members that libraries have", async () => {
    for (const name of ["/", "//", "/12", "#1/20"]) {
      const archive = Buffer.concat([magic, arMember(name, "x")]);
      const message = `the ar data is not valid at byte 8: the member "${name}" is not a file with a short name`;
      await rejectsWith(read(archive), "archive_invalid", message);
    }
  });

  test("says where a cut archive ends", async () => {
    const archive = Buffer.concat([magic, arMember("a", "12345")]);
    const message = (at: number, within: string): string =>
      `the ar data ends early, at byte ${at}, ${within}`;
    await rejectsWith(read(archive.subarray(0, 20)), "archive_truncated", message(20, "in a header"));
    await rejectsWith(read(archive.subarray(0, 70)), "archive_truncated", message(70, "in a member"));
  });

  test("gives its errors and nothing else for any bytes", async () => {
    const original = Buffer.concat([
      magic,
      arMember("debian-binary", "2.0\n"),
      arMember("b", "x".repeat(99)),
    ]);
    const mutations = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(mutations, fc.nat(original.length), async (places, cut) => {
        const mutated = Buffer.from(original.subarray(0, cut));
        for (const [position, value] of places) if (position < cut) mutated[position] = value;
        try {
          await read(mutated, 50);
        } catch (error) {
          assert.ok(isFault(error, "archive_invalid", "archive_truncated"), String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
