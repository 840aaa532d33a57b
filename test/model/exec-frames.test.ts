import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BangerError } from "../../src/lib/errors/error.ts";
import {
  ExecFrameDecoder,
  type ExecFrameName,
  encodeExecFrame,
  execFrameTypes,
} from "../../src/model/exec-frames.ts";
import { throwsWith } from "../support/faults.ts";

const names = Object.keys(execFrameTypes) as ExecFrameName[];

describe("exec frames", () => {
  test("have a type, a big-endian length and a payload", () => {
    assert.deepEqual(encodeExecFrame("stdout", "hi"), Buffer.from([1, 0, 0, 0, 2, 0x68, 0x69]));
    assert.deepEqual(encodeExecFrame("eof"), Buffer.from([5, 0, 0, 0, 0]));
  });

  test("come out as they went in, however the stream is cut", () => {
    const frame = fc.record({ name: fc.constantFrom(...names), payload: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(({ name, payload }) => encodeExecFrame(name, payload)));
          const decoder = new ExecFrameDecoder();
          const seen = [];
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const end = at + (cuts[i % cuts.length] as number);
            seen.push(...decoder.push(bytes.subarray(at, end)));
            at = end;
          }
          assert.deepEqual(
            seen.map(({ name, payload }) => ({ name, payload: Buffer.from(payload) })),
            frames.map(({ name, payload }) => ({ name, payload: Buffer.from(payload) })),
          );
        },
      ),
    );
  });

  test("of an unknown type or an impossible length end the stream", () => {
    const message = "the connection to the machine ended: malformed frame";
    throwsWith(() => new ExecFrameDecoder().push(Buffer.from([10, 0, 0, 0, 0])), "channel_closed", message);
    throwsWith(() => new ExecFrameDecoder().push(Buffer.from([1, 0, 0x10, 0, 1])), "channel_closed", message);
  });

  test("made of noise fail only with that error, and hold back no more than one frame", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const decoder = new ExecFrameDecoder();
        try {
          for (const chunk of chunks) decoder.push(Buffer.from(chunk));
        } catch (error) {
          assert.ok(error instanceof BangerError);
        }
      }),
    );
  });
});
