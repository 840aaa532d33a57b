import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type BangerError, errnoOf, fault, isFault } from "../../lib/errors/error.ts";
import { hashHandle } from "../../lib/hash-file.ts";
import type { FileRange } from "../../lib/read-ahead.ts";

const bufferBytes = 1024 * 1024;
const smallestHole = 64 * 1024;

/**
 * The image file while it is written. Writes that follow each other are gathered; one buffer is on its way to the file
 * while the next one fills. What is never written is a hole.
 */
export class Output implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal | undefined;
  #buffer = Buffer.allocUnsafe(bufferBytes);
  #spare = Buffer.allocUnsafe(bufferBytes);
  /** Where in the file the buffer belongs, and how much of it is filled. */
  #position = 0;
  #filled = 0;
  /** Resolves to the error of the write under way, if it fails. */
  #underWay: Promise<BangerError | undefined> = Promise.resolve(undefined);
  /** What was written, in the order in which it was. */
  readonly #written: FileRange[] = [];
  #open = true;
  #kept = false;

  private constructor(path: string, handle: FileHandle, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.#signal = signal;
  }

  /** Makes the file, which must not exist, with holes only. */
  static async create(path: string, bytes: number, signal: AbortSignal | undefined): Promise<Output> {
    throwIfAborted(path, signal);
    const handle = await open(path, "wx+", 0o600).catch((error: unknown) => {
      throw failure(path, error);
    });
    const output = new Output(path, handle, signal);
    try {
      await handle.truncate(bytes);
      return output;
    } catch (error) {
      await output[Symbol.asyncDispose]();
      throw failure(path, error);
    }
  }

  /** Writes bytes at a position of the file. The data may be reused as soon as the promise resolves. */
  async write(position: number, data: Buffer): Promise<void> {
    if (position !== this.#position + this.#filled) await this.#move(position);
    for (let at = 0; at < data.length; ) {
      const part = data.copy(this.#buffer, this.#filled, at);
      at += part;
      this.#filled += part;
      if (this.#filled === bufferBytes) await this.#send();
    }
  }

  /** Writes `count` zeros at a position of the file. */
  async writeZeros(position: number, count: number): Promise<void> {
    if (position !== this.#position + this.#filled) await this.#move(position);
    for (let left = count; left > 0; ) {
      const end = Math.min(this.#filled + left, bufferBytes);
      this.#buffer.fill(0, this.#filled, end);
      left -= end - this.#filled;
      this.#filled = end;
      if (this.#filled === bufferBytes) await this.#send();
    }
  }

  /**
   * Brings everything to stable storage and closes the file.
   *
   * @param hashed whether its SHA-256 is wanted, in lower-case hex; it is taken while the disk works
   */
  async commit(hashed = false): Promise<string | undefined> {
    await this.#send();
    const late = await this.#underWay;
    if (late) throw late;
    const synced = this.#handle.sync();
    // Whichever fails first, the other one is waited for when the file is closed.
    synced.catch(() => undefined);
    try {
      const sha256 = hashed ? await this.#hash() : undefined;
      await synced;
      this.#kept = true;
      await this.#close();
      return sha256;
    } catch (error) {
      throw isFault(error) ? error : failure(this.#path, error);
    }
  }

  async #hash(): Promise<string> {
    const { hash } = await hashHandle(this.#handle, this.#signal, merged(this.#written));
    return hash.digest("hex");
  }

  /** Closes the file; unless it was committed, it is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    await this.#underWay;
    await this.#close();
    if (!this.#kept) await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#handle.close();
  }

  async #move(position: number): Promise<void> {
    await this.#send();
    this.#position = position;
  }

  async #send(): Promise<void> {
    const failed = await this.#underWay;
    if (failed) throw failed;
    throwIfAborted(this.#path, this.#signal);
    if (this.#filled === 0) return;
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#underWay = this.#writeAll(bytes, this.#position);
    this.#note(this.#position, this.#filled);
    this.#position += this.#filled;
    this.#filled = 0;
    [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
  }

  #note(offset: number, length: number): void {
    const last = this.#written.at(-1);
    if (last && last.offset + last.length === offset) last.length += length;
    else this.#written.push({ offset, length });
  }

  async #writeAll(bytes: Buffer, position: number): Promise<BangerError | undefined> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
      return undefined;
    } catch (error) {
      return failure(this.#path, error);
    }
  }
}

/** Ascending, and each byte once. Holes that are smaller than what is read at once are not worth it. */
function merged(ranges: readonly FileRange[]): FileRange[] {
  const result: FileRange[] = [];
  for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const last = result.at(-1);
    const end = offset + length;
    if (last && offset - (last.offset + last.length) < smallestHole) {
      last.length = Math.max(last.length, end - last.offset);
    } else result.push({ offset, length });
  }
  return result;
}

function failure(path: string, error: unknown): BangerError {
  const errno = errnoOf(error);
  if (errno === "ENOSPC" || errno === "EDQUOT" || errno === "EFBIG") {
    return fault("no_space", { path, doing: "writing a root file system" }, error);
  }
  return fault("directory_not_writable", { path: dirname(path), reason: errno ?? "unknown" }, error);
}

function throwIfAborted(path: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw fault("interrupted", { what: `writing ${path}` }, signal.reason);
}
