import { fault } from "../lib/errors/error.ts";

/**
 * Frames of an upgraded exec connection between client and daemon, both ways:
 * `u8 type, u32 length (big-endian), payload`. Payloads are at most 1 MiB, that of `start` 2 MiB.
 */
export const execFrameTypes = {
  /** Client, first frame: an ExecRequest as JSON. */
  start: 9,
  /** Client: bytes for standard input. */
  stdin: 0,
  /** Daemon: bytes of standard output (or of the terminal). */
  stdout: 1,
  /** Daemon: bytes of standard error. */
  stderr: 2,
  /** Client: JSON `{ rows, columns }`. */
  resize: 3,
  /** Client: name of a signal without SIG. */
  signal: 4,
  /** Client: end of standard input; empty. */
  eof: 5,
  /** Daemon, first frame: the command runs; JSON `{ pid }`. */
  started: 6,
  /** Daemon, last frame: JSON `{ code, signal? }`. */
  exit: 7,
  /** Daemon, last frame instead of `exit`: a problem document. */
  error: 8,
} as const;

export type ExecFrameName = keyof typeof execFrameTypes;

export interface ExecFrame {
  name: ExecFrameName;
  payload: Buffer;
}

const headerSize = 5;
const payloadLimit = 1024 * 1024;
const startLimit = 2 * payloadLimit;
const namesByType = new Map<number, ExecFrameName>(
  Object.entries(execFrameTypes).map(([name, type]) => [type, name as ExecFrameName]),
);

export function encodeExecFrame(name: ExecFrameName, payload: Uint8Array | string = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(headerSize + body.length);
  frame.writeUInt8(execFrameTypes[name], 0);
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, headerSize);
  return frame;
}

/** Takes a stream apart into frames, whatever the pieces it arrives in. */
export class ExecFrameDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /** @throws channel_closed on a frame that the format does not allow */
  push(chunk: Buffer): ExecFrame[] {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: ExecFrame[] = [];
    while (rest.length >= headerSize) {
      const name = namesByType.get(rest.readUInt8(0));
      const length = rest.readUInt32BE(1);
      if (!name || length > (name === "start" ? startLimit : payloadLimit))
        throw fault("channel_closed", { reason: "malformed frame" });
      if (rest.length < headerSize + length) break;
      frames.push({ name, payload: rest.subarray(headerSize, headerSize + length) });
      rest = rest.subarray(headerSize + length);
    }
    this.#pending = rest;
    return frames;
  }
}
