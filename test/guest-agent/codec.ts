// The frames of docs/agent-protocol.md, written a second time for the tests: nothing here comes from src/guest, so that
// the agent is held to the document and not to the other implementation.

export const type = {
  hello: 0x01,
  welcome: 0x02,
  ping: 0x03,
  pong: 0x04,
  event: 0x05,
  open: 0x10,
  result: 0x11,
  exit: 0x12,
  reset: 0x13,
  data: 0x14,
  eof: 0x15,
  window: 0x16,
  resize: 0x17,
  signal: 0x18,
  more: 0x19,
} as const;

export const op = {
  exec: 1,
  mount: 2,
  boot: 3,
  sync: 4,
  shutdown: 5,
  info: 6,
  file: 7,
  pack: 16,
  unpack: 17,
  store: 18,
  metrics: 26,
  clock: 27,
  quiesce: 30,
  identify: 31,
} as const;

export interface Frame {
  type: number;
  channel: number;
  session: number;
  stream: number;
  payload: Buffer;
}

export type FieldValue = number | bigint | string | Buffer;
export type Fields = [tag: number, value: FieldValue][];

export function frame(session: number, kind: number, stream: number, payload: Buffer, channel = 0): Buffer {
  const bytes = Buffer.alloc(20 + payload.length);
  bytes.writeUInt8(0xb5, 0);
  bytes.writeUInt8(kind, 1);
  bytes.writeUInt8(channel, 2);
  bytes.writeUInt32LE(session, 4);
  bytes.writeUInt32LE(stream, 8);
  bytes.writeUInt32LE(payload.length, 12);
  payload.copy(bytes, 16);
  bytes.writeUInt32LE(session, 16 + payload.length);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function fields(entries: Fields): Buffer {
  return Buffer.concat(
    entries.flatMap(([tag, value]) => {
      const bytes = valueBytes(value);
      const header = Buffer.alloc(8);
      header.writeUInt16LE(tag, 0);
      header.writeUInt32LE(bytes.length, 4);
      return [header, bytes];
    }),
  );
}

/** Every field of a payload, by tag; a repeated one keeps its last value. */
export function readFields(payload: Buffer): Map<number, Buffer> {
  return new Map(takeFields(payload));
}

/** Every field of a payload, in order. */
export function takeFields(payload: Buffer): [tag: number, value: Buffer][] {
  const found: [number, Buffer][] = [];
  let at = 0;
  while (at < payload.length) {
    const length = payload.readUInt32LE(at + 4);
    found.push([payload.readUInt16LE(at), payload.subarray(at + 8, at + 8 + length)]);
    at += 8 + length;
  }
  return found;
}

/** Takes whole frames off the front of a buffer; the agent sends no padding and no garbage. */
export function takeFrames(buffer: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (buffer.length - at >= 20) {
    const length = buffer.readUInt32LE(at + 12);
    if (buffer[at] !== 0xb5 || length > 32768) {
      throw new RangeError(
        `the agent sent no frame at byte ${at}: ${buffer.subarray(at, at + 16).toString("hex")}`,
      );
    }
    if (buffer.length - at < 20 + length) break;
    const session = buffer.readUInt32LE(at + 4);
    if (buffer.readUInt32LE(at + 16 + length) !== session)
      throw new RangeError("a trailer that is not the session");
    frames.push({
      type: buffer.readUInt8(at + 1),
      channel: buffer.readUInt8(at + 2),
      session,
      stream: buffer.readUInt32LE(at + 8),
      payload: buffer.subarray(at + 16, at + 16 + length),
    });
    at += 20 + length;
  }
  return { frames, rest: buffer.subarray(at) };
}

function valueBytes(value: FieldValue): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  if (typeof value === "number") return u32(value);
  if (typeof value === "bigint") {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  }
  return value;
}
