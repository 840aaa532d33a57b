import fc from "fast-check";
import { frameTypes, payloadLimit } from "../../src/guest/frames.ts";

export interface AgentFrame {
  type: number;
  channel: number;
  session: number;
  stream: number;
  payload: Buffer;
}

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });

/** A payload: mostly short, sometimes as long as there are. */
function payload(min: number, max: number): fc.Arbitrary<Buffer> {
  const short = fc
    .uint8Array({ minLength: min, maxLength: Math.min(max, 64) })
    .map((bytes) => Buffer.from(bytes));
  if (max < 1000) return short;
  const long = fc
    .tuple(fc.integer({ min: max - 3, max }), fc.nat(255))
    .map(([size, byte]) => Buffer.alloc(size, byte));
  return fc.oneof({ weight: 8, arbitrary: short }, { weight: 1, arbitrary: long });
}

/** Any frame that an agent may send, by its header. */
export function arbitraryFrame(session: fc.Arbitrary<number> = u32): fc.Arbitrary<AgentFrame> {
  const of = (
    types: number[],
    channels: number[],
    streams: fc.Arbitrary<number>,
    bytes: fc.Arbitrary<Buffer>,
  ): fc.Arbitrary<AgentFrame> =>
    fc.record({
      type: fc.constantFrom(...types),
      channel: fc.constantFrom(...channels),
      session,
      stream: streams,
      payload: bytes,
    });
  const { welcome, ping, pong, event, result, exit, reset, data, eof, window } = frameTypes;
  return fc.oneof(
    of([welcome, event], [0], fc.constant(0), payload(0, payloadLimit)),
    of([ping, pong], [0], fc.constant(0), payload(0, 64)),
    of([result, exit, reset], [0], u32, payload(0, payloadLimit)),
    of([data], [1, 2], u32, payload(1, payloadLimit)),
    of([eof], [1, 2], u32, payload(0, 0)),
    of([window], [0], u32, payload(4, 4)),
  );
}

/** Cuts bytes into pieces of these sizes, over and over. */
export function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? bytes.length;
    cut.push(bytes.subarray(at, at + size));
    at += size;
  }
  return cut;
}

export const pieceSizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })),
  { minLength: 1, maxLength: 6 },
);
