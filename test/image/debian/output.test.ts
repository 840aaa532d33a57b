import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BuildProgress, LineSplitter, OutputTail } from "../../../src/image/debian/output.ts";
import type { Progress } from "../../../src/lib/context.ts";

describe("BuildProgress", () => {
  test("follows the downloads in bytes, over both rounds of them", () => {
    const heard = follow([
      "I: running apt-get update...",
      "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]",
      "Need to get 2,000 kB of archives.",
      "Get:1 http://deb.debian.org/debian bookworm/main amd64 gcc-12-base amd64 12.2.0-14 [1500 kB]",
      "Get:2 http://deb.debian.org/debian bookworm/main amd64 libc6 amd64 2.36 [500 kB]",
      "Need to get 1,000 kB/9 MB of archives.",
      "Get:3 http://deb.debian.org/debian bookworm/main amd64 git amd64 1:2.39 [1.0 MB]",
    ]);
    const base = {
      stage: "image.packages",
      state: "progress",
      message: "downloading packages",
      unit: "bytes",
    };
    assert.deepEqual(heard, [
      { stage: "image.packages", state: "progress", message: "reading the package lists" },
      { ...base, current: 1_500_000, total: 2_000_000 },
      { ...base, current: 2_000_000, total: 2_000_000 },
      { ...base, current: 3_000_000, total: 3_000_000 },
    ]);
  });

  test("counts each package twice: when it is unpacked and when it is set up", () => {
    const heard = follow([
      "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
      "Unpacking libc6:amd64 (2.36) ...",
      "Preparing to unpack .../git.deb ...",
      "Unpacking git (1:2.39) ...",
      "Setting up libc6:amd64 (2.36) ...",
      "Setting up git (1:2.39) ...",
    ]);
    assert.deepEqual(
      heard.map(({ message, current, total, unit }) => ({ message, current, total, unit })),
      [1, 2, 3, 4].map((current) => ({ message: "installing packages", current, total: 4, unit: "items" })),
    );
  });

  test("never says that more is done than there is", () => {
    const heard = follow(["Setting up a (1) ...", "Need to get 10 B of archives.", "Get:1 x [1 kB]"]);
    for (const { current = 0, total = 0 } of heard) assert.ok(current <= total, `${current} of ${total}`);
    assert.equal(heard.length, 2);
  });

  test("says when the base system is unpacked", () => {
    assert.equal(follow(["I: extracting archives..."])[0]?.message, "unpacking the base system");
  });

  test("is not impressed by any other line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (line) => {
        const isKnown =
          /^(I: (running|extracting)|Need to get|Get:|\d+ upgraded|Unpacking |Setting up )/.test(line);
        if (!isKnown) assert.deepEqual(follow([line]), []);
      }),
    );
  });
});

describe("LineSplitter", () => {
  test("gives the same lines however the bytes come", () => {
    const line = fc
      .string({ unit: "grapheme", maxLength: 12 })
      .filter((text) => !/[\r\n]/.test(text) && text !== "");
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const seen: string[] = [];
        const splitter = new LineSplitter((text) => seen.push(text));
        let start = 0;
        for (const cut of cuts.toSorted((a, b) => a - b)) {
          splitter.push(bytes.subarray(start, cut));
          start = Math.max(start, cut);
        }
        splitter.push(bytes.subarray(start));
        splitter.end();
        assert.deepEqual(seen, lines);
      }),
    );
  });

  test("takes a carriage return for an end, too, and gives what comes after the last end", () => {
    const seen: string[] = [];
    const splitter = new LineSplitter((text) => seen.push(text));
    splitter.push(Buffer.from("10%\r20%\r\nlast"));
    assert.deepEqual(seen, ["10%", "20%"]);
    splitter.end();
    splitter.end();
    assert.deepEqual(seen, ["10%", "20%", "last"]);
  });

  test("does not gather a line without end", () => {
    const seen: string[] = [];
    const splitter = new LineSplitter((text) => seen.push(text));
    for (let i = 0; i < 5; i += 1) splitter.push(Buffer.alloc(30_000, "x"));
    assert.deepEqual(
      seen.map((text) => text.length),
      [90_000],
    );
  });
});

describe("OutputTail", () => {
  test("keeps the end, in whole lines", () => {
    const tail = new OutputTail();
    for (let i = 0; i < 10_000; i += 1) tail.push(`${i} ${"x".repeat(95)}`);
    const lines = tail.text().split("\n");
    assert.match(lines.at(-1) ?? "", /^9999 x{95}$/);
    assert.match(lines[0] ?? "", /^\d+ x{95}$/);
    assert.ok(tail.text().length <= 256 * 1024);
    assert.ok(tail.text().length > 255 * 1024);
  });

  test("keeps one line, however long", () => {
    const tail = new OutputTail();
    tail.push("short");
    tail.push("x".repeat(300_000));
    assert.equal(tail.text().length, 300_000);
  });
});

function follow(lines: string[]): Progress[] {
  const heard: Progress[] = [];
  const progress = new BuildProgress((each) => heard.push(each));
  for (const line of lines) progress.line(line);
  return heard;
}
