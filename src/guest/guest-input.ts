import { Writable } from "node:stream";
import { fault } from "../lib/errors/error.ts";
import { initialCredit, payloadLimit } from "./frames.ts";
import { violation } from "./violation.ts";

const highestCredit = 2 ** 31 - 1;

/**
 * Standard input of a process in the guest. A write is acknowledged when its last byte was written to the channel, which
 * happens as the guest grants credit; nothing but the writes under way is kept.
 */
export class GuestInput extends Writable {
  readonly #wake: () => void;
  #credit = initialCredit;
  #chunks: Buffer[] = [];
  #at = 0;
  #acknowledge: ((error?: Error | null) => void) | undefined;
  #eof: "open" | "due" | "sent" = "open";
  #eofDone: (() => void) | undefined;

  /** `wake` is called when there is something to send. */
  constructor(wake: () => void) {
    super({ highWaterMark: 65_536 });
    this.#wake = wake;
    // As for the outputs: who does not listen learns it from `exited`.
    this.on("error", () => undefined);
  }

  /** @throws guest_protocol */
  addCredit(credit: number): void {
    if (this.#credit + credit > highestCredit)
      throw violation("WINDOW that grants more than 2147483647 bytes");
    this.#credit += credit;
    this.#wake();
  }

  /** The next payload that may be sent, at most `payloadLimit` bytes. */
  take(): Buffer | undefined {
    const chunk = this.#chunks[0];
    if (!chunk || this.#credit === 0) return undefined;
    const end = Math.min(chunk.length, this.#at + Math.min(payloadLimit, this.#credit));
    const piece = chunk.subarray(this.#at, end);
    this.#credit -= piece.length;
    this.#at = end;
    if (end === chunk.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    return piece;
  }

  /** Whether everything of the write under way was taken and its acknowledgement is due. */
  get drained(): boolean {
    return this.#chunks.length === 0 && this.#acknowledge !== undefined;
  }

  acknowledge(error?: Error): void {
    const acknowledge = this.#acknowledge;
    this.#acknowledge = undefined;
    acknowledge?.(error);
  }

  /** True once, when nothing is left to send but the end: the stream asks for that after its last acknowledgement. */
  takeEof(): boolean {
    if (this.#eof !== "due") return false;
    this.#eof = "sent";
    this.#eofDone?.();
    return true;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(writes: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const chunks = writes.map((write) => write.chunk);
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#send(size <= payloadLimit ? [Buffer.concat(chunks, size)] : chunks, done);
  }

  override _final(done: () => void): void {
    this.#eofDone = done;
    this.#eof = "due";
    this.#wake();
  }

  /** Destroyed without an end, it ends in the guest: a process must not wait for input that nobody will send. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#chunks = [];
    this.acknowledge(error ?? fault("channel_closed", { reason: "the input of the command was closed" }));
    if (this.#eof === "open") this.#eof = "due";
    this.#wake();
    done(error);
  }

  #send(chunks: Buffer[], done: (error?: Error | null) => void): void {
    this.#chunks = chunks.filter((chunk) => chunk.length > 0);
    this.#acknowledge = done;
    if (this.#chunks.length === 0) this.acknowledge();
    else this.#wake();
  }
}
