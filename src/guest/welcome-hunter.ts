import { encodeFrame, frameTypes, headerSize, payloadLimit, trailerSize } from "./frames.ts";

/** The bytes of a WELCOME header before its length. */
const patternSize = 12;

/**
 * Looks for the WELCOME of a session in whatever an agent was still saying to somebody else. Keeps at most what a frame
 * may take and the piece that came last.
 */
export class WelcomeHunter {
  readonly #pattern: Buffer;
  readonly #trailer: Buffer;
  #kept: Buffer = Buffer.alloc(0);

  constructor(session: number) {
    const frame = encodeFrame({ type: frameTypes.welcome, session });
    this.#pattern = frame.subarray(0, patternSize);
    this.#trailer = frame.subarray(headerSize);
  }

  /** The payload of the WELCOME, once it is complete, and the bytes that came after it. */
  push(chunk: Buffer): { payload: Buffer; rest: Buffer } | undefined {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    let from = 0;
    for (;;) {
      const at = bytes.indexOf(this.#pattern, from);
      if (at < 0) {
        this.#keep(bytes, Math.max(from, bytes.length - patternSize + 1));
        return undefined;
      }
      const found = this.#frameAt(bytes, at);
      if (found === "incomplete") {
        this.#keep(bytes, at);
        return undefined;
      }
      if (found) return found;
      from = at + 1;
    }
  }

  #frameAt(bytes: Buffer, at: number): { payload: Buffer; rest: Buffer } | "incomplete" | undefined {
    const start = at + headerSize;
    if (bytes.length < start) return "incomplete";
    const length = bytes.readUInt32LE(at + patternSize);
    if (length > payloadLimit) return undefined;
    const end = start + length;
    if (bytes.length < end + trailerSize) return "incomplete";
    if (!bytes.subarray(end, end + trailerSize).equals(this.#trailer)) return undefined;
    return { payload: bytes.subarray(start, end), rest: bytes.subarray(end + trailerSize) };
  }

  #keep(bytes: Buffer, from: number): void {
    this.#kept = Buffer.from(bytes.subarray(from));
  }
}
