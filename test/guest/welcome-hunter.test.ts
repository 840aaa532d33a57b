import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeFrame, frameTypes } from "../../src/guest/frames.ts";
import { WelcomeHunter } from "../../src/guest/welcome-hunter.ts";
import { pieceSizes, pieces } from "./arbitrary.ts";

const session = 0x1234_5678;

describe("the hunt for a welcome", () => {
  test("finds it behind anything, however it is cut, and gives back what follows", () => {
    const noise = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(noise, noise, noise, pieceSizes, (before, payload, after, sizes) => {
        const bytes = Buffer.concat([before, welcome(payload), after]);
        const { found, unread } = hunt(pieces(bytes, sizes));
        assert.deepEqual(found?.payload, Buffer.from(payload));
        assert.deepEqual(Buffer.concat([found?.rest ?? Buffer.alloc(0), ...unread]), Buffer.from(after));
      }),
    );
  });

  test("passes by a welcome of another session", () => {
    const other = encodeFrame({ type: frameTypes.welcome, session: 99, payload: Buffer.from("old") });
    const { found } = hunt([other, welcome(Buffer.from("new"))]);
    assert.equal(found?.payload.toString(), "new");
  });

  test("passes by a welcome that was cut off, and finds the next inside of it", () => {
    const whole = welcome(Buffer.alloc(500, "x"));
    for (const at of [15, 16, 40, 515, 518]) {
      const { found } = hunt([
        Buffer.concat([whole.subarray(0, at), welcome(Buffer.from("again")), Buffer.alloc(600)]),
      ]);
      assert.equal(found?.payload.toString(), "again", `cut off after ${at}`);
    }
  });

  test("passes by a welcome whose length cannot be", () => {
    const huge = welcome(Buffer.alloc(0));
    huge.writeUInt32LE(0xffff_ffff, 12);
    assert.equal(hunt([huge, welcome(Buffer.from("sane"))]).found?.payload.toString(), "sane");
  });

  test("finds none where there is none, in any number of bytes", () => {
    const hunter = new WelcomeHunter(session);
    const noise = Buffer.alloc(65_536, "\u00b5\u0002");
    for (let i = 0; i < 100; i += 1) assert.equal(hunter.push(noise), undefined);
    assert.equal(hunter.push(welcome(Buffer.from("at last")))?.payload.toString(), "at last");
  });
});

function welcome(payload: Uint8Array): Buffer {
  return encodeFrame({ type: frameTypes.welcome, session, payload });
}

function hunt(chunks: Buffer[]): { found: ReturnType<WelcomeHunter["push"]>; unread: Buffer[] } {
  const hunter = new WelcomeHunter(session);
  for (const [i, chunk] of chunks.entries()) {
    const found = hunter.push(chunk);
    if (found) return { found, unread: chunks.slice(i + 1) };
  }
  return { found: undefined, unread: [] };
}
