import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrameReader } from "../../src/guest/frame-reader.ts";
import { encodeFrame, type Frame, frameTypes } from "../../src/guest/frames.ts";
import { isFault } from "../../src/lib/errors/error.ts";
import { throwsWith } from "../support/faults.ts";
import { type AgentFrame, arbitraryFrame, pieceSizes, pieces } from "./arbitrary.ts";

describe("the reader of frames", () => {
  test("gives the frames that were sent, however they are cut and padded", () => {
    const stream = fc.array(fc.tuple(fc.nat(40), arbitraryFrame()), { maxLength: 12 });
    fc.assert(
      fc.property(stream, pieceSizes, (sent, sizes) => {
        const bytes = Buffer.concat(
          sent.flatMap(([padding, frame]) => [Buffer.alloc(padding), encodeFrame(frame)]),
        );
        const got = read(pieces(bytes, sizes));
        assert.equal(got.length, sent.length);
        for (const [i, [, frame]] of sent.entries()) assertSame(got[i] as Frame, frame);
      }),
    );
  });

  test("delivers a frame with its last byte and not before", () => {
    const bytes = encodeFrame({ type: frameTypes.pong, session: 5, payload: Buffer.from("abc") });
    for (let at = 1; at < bytes.length; at += 1) {
      const got: Frame[] = [];
      const reader = new FrameReader((frame) => got.push(frame));
      reader.push(bytes.subarray(0, at));
      assert.equal(got.length, 0, `after ${at} bytes`);
      reader.push(bytes.subarray(at));
      assert.equal(got.length, 1, `after ${at} and the rest`);
    }
  });

  test("delivers nothing more once it is stopped, not even out of the same piece", () => {
    const got: Frame[] = [];
    const reader = new FrameReader((frame) => {
      got.push(frame);
      reader.stop();
    });
    const pong = encodeFrame({ type: frameTypes.pong, session: 5 });
    reader.push(Buffer.concat([pong, pong]));
    reader.push(pong);
    assert.equal(got.length, 1);
  });

  test("refuses a frame that begins with something else", () => {
    throwsWith(
      () => read([Buffer.from("\0\0Login: ")]),
      "guest_protocol",
      "the guest broke the agent protocol: a frame that begins with 0x4c",
    );
  });

  test("refuses a frame whose trailer is another session, whole or in pieces", () => {
    const bytes = encodeFrame({
      type: frameTypes.data,
      session: 5,
      channel: 1,
      stream: 1,
      payload: Buffer.from("x"),
    });
    bytes[bytes.length - 1] = 1;
    for (const sizes of [[bytes.length], [1], [17]]) {
      throwsWith(
        () => read(pieces(bytes, sizes)),
        "guest_protocol",
        "the guest broke the agent protocol: DATA that ends with another session",
      );
    }
  });

  test("refuses an oversized frame at its header, whatever comes after", () => {
    const header = encodeFrame({ type: frameTypes.data, session: 5, channel: 1, stream: 1 }).subarray(0, 16);
    header.writeUInt32LE(0x7fff_ffff, 12);
    throwsWith(
      () => read(pieces(header, [3])),
      "guest_protocol",
      "the guest broke the agent protocol: DATA of 2147483647 bytes",
    );
  });
});

describe("bytes of a hostile guest", () => {
  test("are frames or the error of the protocol, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), pieceSizes, (bytes, sizes) => {
        readOrRefuse(pieces(Buffer.from(bytes), sizes));
      }),
      { numRuns: 300 },
    );
  });

  test("that were a valid stream until some of them changed are no more than that", () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(arbitraryFrame(), { minLength: 1, maxLength: 6 }),
        fc.array(change, { minLength: 1, maxLength: 5 }),
        pieceSizes,
        (frames, changes, sizes) => {
          const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame)));
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          readOrRefuse(pieces(bytes, sizes));
        },
      ),
      { numRuns: 300 },
    );
  });
});

function read(chunks: readonly Buffer[]): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (const chunk of chunks) reader.push(chunk);
  return frames;
}

function readOrRefuse(chunks: readonly Buffer[]): void {
  try {
    read(chunks);
  } catch (error) {
    if (!isFault(error, "guest_protocol")) throw error;
  }
}

function assertSame(got: Frame, sent: AgentFrame): void {
  assert.deepEqual({ ...got, payload: undefined }, { ...sent, payload: undefined });
  assert.ok(got.payload.equals(sent.payload));
}
