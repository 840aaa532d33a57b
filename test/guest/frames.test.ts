import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  encodeFrame,
  frameName,
  frameTypes,
  headerSize,
  payloadLimit,
  readHeader,
} from "../../src/guest/frames.ts";
import { throwsWith } from "../support/faults.ts";
import { arbitraryFrame } from "./arbitrary.ts";

describe("a frame", () => {
  test("has the bytes that the protocol's document gives", () => {
    const frame = encodeFrame({
      type: frameTypes.data,
      session: 0x04030201,
      channel: 1,
      stream: 0x0d0c0b0a,
      payload: Buffer.from("hi"),
    });
    assert.equal(frame.toString("hex"), "b5140100010203040a0b0c0d02000000686901020304");
  });

  test("has a header that reads as it was written", () => {
    fc.assert(
      fc.property(arbitraryFrame(), (frame) => {
        const bytes = encodeFrame(frame);
        assert.deepEqual(readHeader(bytes, 0), {
          type: frame.type,
          channel: frame.channel,
          session: frame.session,
          stream: frame.stream,
          length: frame.payload.length,
        });
        assert.equal(bytes.readUInt32LE(headerSize + frame.payload.length), frame.session);
      }),
    );
  });

  test("has the name of the document", () => {
    assert.equal(frameName(frameTypes.window), "WINDOW");
    assert.equal(frameName(frameTypes.hello), "0x01");
  });
});

describe("a header is refused", () => {
  const cases: [string, Partial<Header>, string][] = [
    ["of a type that does not exist", { type: 0x99 }, "a frame of type 0x99, which no agent sends"],
    ["of type 0", { type: 0 }, "a frame of type 0x00, which no agent sends"],
    [
      "of a type that only hosts send",
      { type: frameTypes.open },
      "a frame of type 0x10, which no agent sends",
    ],
    ["with something reserved in use", { reserved: 1 }, "DATA with 0x01 in its reserved byte"],
    ["of output on standard input", { channel: 0 }, "DATA on channel 0"],
    ["of output on a fourth channel", { channel: 3 }, "DATA on channel 3"],
    ["with a channel where there are none", { type: frameTypes.exit }, "EXIT on channel 1"],
    ["of a stream's frame without a stream", { stream: 0 }, "DATA for stream 0"],
    [
      "of a connection's frame with a stream",
      { type: frameTypes.pong, channel: 0, stream: 9, length: 8 },
      "PONG for stream 9",
    ],
    ["of a payload over the limit", { length: payloadLimit + 1 }, "DATA of 32769 bytes"],
    ["of the longest payload there could be", { length: 0xffff_ffff }, "DATA of 4294967295 bytes"],
    ["of empty data", { length: 0 }, "DATA of 0 bytes"],
    ["of an end with bytes in it", { type: frameTypes.eof, length: 1 }, "EOF of 1 bytes"],
    ["of a window of five bytes", { type: frameTypes.window, channel: 0, length: 5 }, "WINDOW of 5 bytes"],
    [
      "of a ping over 64 bytes",
      { type: frameTypes.ping, channel: 0, stream: 0, length: 65 },
      "PING of 65 bytes",
    ],
    [
      "of a result over the limit",
      { type: frameTypes.result, channel: 0, length: 40_000 },
      "RESULT of 40000 bytes",
    ],
  ];
  for (const [title, change, problem] of cases) {
    test(title, () => {
      throwsWith(
        () => readHeader(header(change), 0),
        "guest_protocol",
        `the guest broke the agent protocol: ${problem}`,
      );
    });
  }

  test("whatever its bytes, with the error of the protocol and no other", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 15, maxLength: 15 }), (rest) => {
        const bytes = Buffer.from([0xb5, ...rest]);
        try {
          const { length } = readHeader(bytes, 0);
          assert.ok(length <= payloadLimit);
        } catch (error) {
          throwsWith(() => rethrow(error), "guest_protocol");
        }
      }),
    );
  });
});

interface Header {
  type: number;
  channel: number;
  reserved: number;
  stream: number;
  length: number;
}

function header(change: Partial<Header>): Buffer {
  const of: Header = { type: frameTypes.data, channel: 1, reserved: 0, stream: 1, length: 1, ...change };
  const bytes = Buffer.alloc(headerSize);
  bytes.set([0xb5, of.type, of.channel, of.reserved]);
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(of.stream, 8);
  bytes.writeUInt32LE(of.length, 12);
  return bytes;
}

function rethrow(error: unknown): never {
  throw error;
}
