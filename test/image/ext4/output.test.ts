import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Output } from "../../../src/image/ext4/output.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describe("the image file while it is written", () => {
  test("what is written is there, in any order, and the rest is a hole", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using output = await Output.create(path, 64 * 2 ** 20, undefined);
    await output.write(40 * 2 ** 20, Buffer.from("late"));
    await output.write(4096, Buffer.alloc(3 * 2 ** 20, "x"));
    await output.write(0, Buffer.from("early"));
    await output.commit();
    const bytes = readFileSync(path);
    assert.equal(bytes.toString("latin1", 0, 6), "early\0");
    assert.equal(bytes.toString("latin1", 4095, 4098), "\0xx");
    assert.equal(bytes.toString("latin1", 40 * 2 ** 20, 40 * 2 ** 20 + 5), "late\0");
    assert.equal(bytes.length, 64 * 2 ** 20);
    assert.ok(statSync(path).blocks * 512 < 4 * 2 ** 20);
  });

  test("equals a buffer with the same writes", async (context) => {
    const directory = temporaryDirectory(context);
    const write = fc.record({ at: fc.nat(3000), data: fc.uint8Array({ maxLength: 60 }), zeros: fc.nat(40) });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 20 }), async (writes) => {
        run += 1;
        const path = join(directory, `${run}`);
        const expected = Buffer.alloc(4096);
        await using output = await Output.create(path, expected.length, undefined);
        for (const { at, data, zeros } of writes) {
          expected.set(data, at);
          expected.fill(0, at + data.length, at + data.length + zeros);
          await output.write(at, Buffer.from(data));
          await output.writeZeros(at + data.length, zeros);
        }
        await output.commit();
        assert.ok(readFileSync(path).equals(expected));
      }),
      { numRuns: 30 },
    );
  });

  test("zeros may be longer than a buffer", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using output = await Output.create(path, 4 * 2 ** 20, undefined);
    await output.write(0, Buffer.alloc(4 * 2 ** 20, "x"));
    await output.writeZeros(10, 3 * 2 ** 20);
    await output.commit();
    const bytes = readFileSync(path);
    assert.equal(bytes.indexOf(0), 10);
    assert.equal(bytes.lastIndexOf(0), 10 + 3 * 2 ** 20 - 1);
  });

  test("without commit the file goes", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    const output = await Output.create(path, 4096, undefined);
    await output.write(0, Buffer.from("x"));
    await output[Symbol.asyncDispose]();
    assert.equal(existsSync(path), false);
  });

  test("only its owner may read it", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await using output = await Output.create(path, 4096, undefined);
    await output.commit();
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("a directory that is not there is an error that names it", async (context) => {
    const directory = join(temporaryDirectory(context), "none");
    const message = `the directory ${JSON.stringify(directory)} cannot be written: ENOENT`;
    await rejectsWith(
      Output.create(join(directory, "image"), 4096, undefined),
      "directory_not_writable",
      message,
    );
  });

  test("nothing is made once the signal has aborted", async (context) => {
    const path = join(temporaryDirectory(context), "image");
    await rejectsWith(
      Output.create(path, 4096, AbortSignal.abort()),
      "interrupted",
      `writing ${path} was cancelled`,
    );
    assert.equal(existsSync(path), false);
  });
});
