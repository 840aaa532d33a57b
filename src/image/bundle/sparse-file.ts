import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { TarExtent } from "../../archive/tar/entry.ts";
import { fault } from "../../lib/errors/error.ts";
import { blockSize, isZero } from "./zeros.ts";

const zeros = Buffer.alloc(1024 * 1024);

/** A new file of a known size that is written from its beginning to its end; where it has zeros it gets holes. */
export class SparseFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #signal: AbortSignal;
  readonly #hash = createHash("sha256");
  #hashed = 0;
  /** Bytes written, which zeros are not. */
  written = 0;

  private constructor(file: FileHandle, size: number, signal: AbortSignal) {
    this.#file = file;
    this.#size = size;
    this.#signal = signal;
  }

  static async create(path: string, size: number, signal: AbortSignal): Promise<SparseFile> {
    const file = await open(path, "wx+", 0o600);
    try {
      await file.truncate(size);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SparseFile(file, size, signal);
  }

  /** Writes an extent that begins where the last one ended, or later. */
  async write({ offset, data }: TarExtent): Promise<void> {
    await this.#skipTo(offset);
    this.#hash.update(data);
    this.#hashed = offset + data.length;
    // Runs of blocks that are not all zeros, each in one call; blocks are those of the file, not of the piece.
    let start = 0;
    for (let at = 0; at < data.length; ) {
      const end = Math.min(at + blockSize - ((offset + at) % blockSize), data.length);
      if (isZero(data.subarray(at, end))) {
        await this.#put(data.subarray(start, at), offset + start);
        start = end;
      }
      at = end;
    }
    await this.#put(data.subarray(start), offset + start);
  }

  /** Puts everything on stable storage; gives the SHA-256 of the whole file, in lower-case hex. */
  async finish(): Promise<string> {
    await this.#skipTo(this.#size);
    await this.#file.sync();
    return this.#hash.digest("hex");
  }

  /** Whether a little-endian number of 16 bits is at an offset. */
  async hasUint16({ offset, value }: { offset: number; value: number }): Promise<boolean> {
    const { bytesRead, buffer } = await this.#file.read(Buffer.alloc(2), 0, 2, offset);
    return bytesRead === 2 && buffer.readUInt16LE(0) === value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #skipTo(offset: number): Promise<void> {
    while (this.#hashed < offset) {
      if (this.#signal.aborted)
        throw fault("interrupted", { what: "writing the image" }, this.#signal.reason);
      const length = Math.min(zeros.length, offset - this.#hashed);
      this.#hash.update(zeros.subarray(0, length));
      this.#hashed += length;
      // A hole costs no reading, in which others would have their turn.
      await setImmediate();
    }
  }

  async #put(data: Buffer, position: number): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, position + done);
      done += bytesWritten;
    }
    this.written += data.length;
  }
}
