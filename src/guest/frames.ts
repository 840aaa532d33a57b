import { violation } from "./violation.ts";

/** Frame types (docs/agent-protocol.md, "Handshake and resynchronisation"). */
export const frameTypes = {
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
  /** From version 2: a part of an OPEN that takes more than one frame. */
  more: 0x19,
} as const;
export type FrameName = keyof typeof frameTypes;
export type FrameType = (typeof frameTypes)[FrameName];

export const channels = { stdin: 0, stdout: 1, stderr: 2 } as const;

export const frameMagic = 0xb5;
/** `u8 magic, u8 type, u8 channel, u8 reserved, u32 session, u32 stream, u32 length`. */
export const headerSize = 16;
/** `u32 session`, after the payload. */
export const trailerSize = 4;
export const payloadLimit = 32_768;
/** Of all frames of one OPEN, from version 2. */
export const openLimit = 1_114_112;
/** Bytes a sender may have on the way in one direction of one channel before the first WINDOW. */
export const initialCredit = 131_072;

export interface Frame {
  readonly type: FrameType;
  readonly channel: number;
  readonly session: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface FrameHeader {
  readonly type: FrameType;
  readonly channel: number;
  readonly session: number;
  readonly stream: number;
  readonly length: number;
}

const nothing = Buffer.alloc(0);

export function encodeFrame(frame: {
  type: number;
  session: number;
  channel?: number;
  stream?: number;
  payload?: Uint8Array;
}): Buffer {
  const payload = frame.payload ?? nothing;
  const bytes = Buffer.allocUnsafe(headerSize + payload.length + trailerSize);
  writeHeader(bytes, 0, { channel: 0, stream: 0, ...frame, length: payload.length });
  bytes.set(payload, headerSize);
  bytes.writeUInt32LE(frame.session, headerSize + payload.length);
  return bytes;
}

export function writeHeader(
  into: Buffer,
  at: number,
  header: { type: number; channel: number; session: number; stream: number; length: number },
): void {
  into[at] = frameMagic;
  into[at + 1] = header.type;
  into[at + 2] = header.channel;
  into[at + 3] = 0;
  into.writeUInt32LE(header.session, at + 4);
  into.writeUInt32LE(header.stream, at + 8);
  into.writeUInt32LE(header.length, at + 12);
}

/**
 * Reads the header of a frame that an agent sent, and refuses what no agent may send, so that nothing is allocated or
 * waited for on its behalf. The magic has been looked at before.
 *
 * @throws guest_protocol
 */
export function readHeader(from: Buffer, at: number): FrameHeader {
  const type = from[at + 1] ?? 0;
  const channel = from[at + 2] ?? 0;
  const stream = from.readUInt32LE(at + 8);
  const length = from.readUInt32LE(at + 12);
  const rule = rules[type];
  if (!rule) throw violation(`a frame of type ${hex(type)}, which no agent sends`);
  if (from[at + 3] !== 0) throw violation(`${rule.name} with ${hex(from[at + 3] ?? 0)} in its reserved byte`);
  if (channel < rule.channels[0] || channel > rule.channels[1]) {
    throw violation(`${rule.name} on channel ${channel}`);
  }
  if (rule.ofStream !== (stream !== 0)) throw violation(`${rule.name} for stream ${stream}`);
  if (length < rule.length[0] || length > rule.length[1]) {
    throw violation(`${rule.name} of ${length} bytes`);
  }
  return { type: type as FrameType, channel, session: from.readUInt32LE(at + 4), stream, length };
}

/** Name of a type as the protocol's document writes it. */
export function frameName(type: FrameType): string {
  return rules[type]?.name ?? hex(type);
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

interface FrameRule {
  readonly name: string;
  readonly ofStream: boolean;
  /** First and last channel allowed. */
  readonly channels: readonly [number, number];
  /** Shortest and longest payload allowed. */
  readonly length: readonly [number, number];
}

const none = [0, 0] as const;
const outputs = [channels.stdout, channels.stderr] as const;
const fields = [0, payloadLimit] as const;

/** What an agent may send, by type. */
const rules: readonly (FrameRule | undefined)[] = Object.assign(
  new Array<FrameRule | undefined>(256).fill(undefined),
  {
    [frameTypes.welcome]: { name: "WELCOME", ofStream: false, channels: none, length: fields },
    [frameTypes.ping]: { name: "PING", ofStream: false, channels: none, length: [0, 64] },
    [frameTypes.pong]: { name: "PONG", ofStream: false, channels: none, length: [0, 64] },
    [frameTypes.event]: { name: "EVENT", ofStream: false, channels: none, length: fields },
    [frameTypes.result]: { name: "RESULT", ofStream: true, channels: none, length: fields },
    [frameTypes.exit]: { name: "EXIT", ofStream: true, channels: none, length: fields },
    [frameTypes.reset]: { name: "RESET", ofStream: true, channels: none, length: fields },
    [frameTypes.data]: { name: "DATA", ofStream: true, channels: outputs, length: [1, payloadLimit] },
    [frameTypes.eof]: { name: "EOF", ofStream: true, channels: outputs, length: none },
    [frameTypes.window]: { name: "WINDOW", ofStream: true, channels: none, length: [4, 4] },
  },
);
