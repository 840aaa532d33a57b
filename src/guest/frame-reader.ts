import {
  type Frame,
  type FrameHeader,
  frameMagic,
  frameName,
  headerSize,
  hex,
  readHeader,
  trailerSize,
} from "./frames.ts";
import { violation } from "./violation.ts";

/**
 * Takes the bytes of an agent apart into frames, whatever the pieces they arrive in, after the handshake. A payload is
 * a view of the piece it arrived in, or of memory of its own when it arrived in several. At most one frame is kept.
 */
export class FrameReader {
  readonly #deliver: (frame: Frame) => void;
  readonly #head = Buffer.alloc(headerSize);
  #headBytes = 0;
  #header: FrameHeader | undefined;
  /** Payload and trailer of the frame under way. */
  #body: Buffer = Buffer.alloc(0);
  #bodyBytes = 0;
  #stopped = false;

  constructor(deliver: (frame: Frame) => void) {
    this.#deliver = deliver;
  }

  /** @throws guest_protocol, and what the receiver throws */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#header) at = this.#fillBody(chunk, at, this.#header);
      else if (this.#headBytes > 0) at = this.#fillHead(chunk, at);
      else at = this.#begin(chunk, at);
    }
  }

  /** Nothing is delivered any more, also not the rest of the piece under way. */
  stop(): void {
    this.#stopped = true;
  }

  #begin(chunk: Buffer, from: number): number {
    let at = from;
    while (chunk[at] === 0) at += 1;
    if (at >= chunk.length) return at;
    if (chunk[at] !== frameMagic) throw violation(`a frame that begins with ${hex(chunk[at] ?? 0)}`);
    if (chunk.length - at < headerSize) return this.#fillHead(chunk, at);
    const header = readHeader(chunk, at);
    const body = at + headerSize;
    const end = body + header.length + trailerSize;
    if (end > chunk.length) {
      this.#expect(header);
      return body;
    }
    this.#complete(header, chunk.subarray(body, end));
    return end;
  }

  #fillHead(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#head, this.#headBytes, at);
    this.#headBytes += copied;
    if (this.#headBytes === headerSize) {
      this.#headBytes = 0;
      this.#expect(readHeader(this.#head, 0));
    }
    return at + copied;
  }

  #expect(header: FrameHeader): void {
    this.#header = header;
    this.#body = Buffer.allocUnsafeSlow(header.length + trailerSize);
    this.#bodyBytes = 0;
  }

  #fillBody(chunk: Buffer, at: number, header: FrameHeader): number {
    const copied = chunk.copy(this.#body, this.#bodyBytes, at);
    this.#bodyBytes += copied;
    if (this.#bodyBytes === this.#body.length) {
      this.#header = undefined;
      this.#complete(header, this.#body);
    }
    return at + copied;
  }

  #complete({ type, channel, session, stream, length }: FrameHeader, body: Buffer): void {
    const trailer = body.readUInt32LE(length);
    if (trailer !== session) throw violation(`${frameName(type)} that ends with another session`);
    this.#deliver({ type, channel, session, stream, payload: body.subarray(0, length) });
  }
}
