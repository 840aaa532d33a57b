import { Readable } from "node:stream";
import type { BangerError } from "../lib/errors/error.ts";
import { ChunkQueue, compact } from "./chunk-queue.ts";
import { initialCredit } from "./frames.ts";
import { violation } from "./violation.ts";

/** Credit is granted in steps of this size, or when the guest has none left. */
const grantStep = 32_768;

/**
 * Output of a process in the guest. The guest may send what it was granted; credit for a byte is granted again when the
 * consumer has taken it, so at most `initialCredit` bytes wait here. Once destroyed it swallows what still comes.
 */
export class GuestOutput extends Readable {
  readonly #name: string;
  readonly #onGrant: () => void;
  readonly #queue = new ChunkQueue();
  /** What the guest may still send. */
  #window = initialCredit;
  /** Handed to the Readable, but not taken from it yet. */
  #lent = 0;
  /** Taken by the consumer, but not granted again yet. */
  #owed = 0;
  #wanted = false;
  #finished = false;
  #failure: BangerError | undefined;

  /** `onGrant` is called when `takeGrant` has something to give. */
  constructor(name: string, onGrant: () => void) {
    // One byte: the Readable then asks for more exactly when its consumer has taken everything.
    super({ highWaterMark: 1 });
    this.#name = name;
    this.#onGrant = onGrant;
    // A failure also reaches the consumer through `exited`; one that does not listen here must not end the daemon.
    this.on("error", () => undefined);
  }

  /** @throws guest_protocol */
  receive(payload: Buffer): void {
    if (this.#finished) throw violation(`DATA on ${this.#name} after its EOF`);
    if (payload.length > this.#window) throw violation(`DATA on ${this.#name} beyond its credit`);
    this.#window -= payload.length;
    if (this.destroyed) this.#taken(payload.length);
    else if (this.#wanted && this.#queue.size === 0) this.#lend(compact(payload));
    else this.#queue.push(payload);
  }

  /** The guest's EOF. @throws guest_protocol when it is not the first */
  finish(): void {
    if (this.#finished) throw violation(`a second EOF on ${this.#name}`);
    this.end();
  }

  /** No more will come; what is here is still handed out. */
  end(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#conclude();
  }

  /** The stream broke; what is here is still handed out, and then the error. */
  fail(error: BangerError): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#failure = error;
    this.#conclude();
  }

  /** Credit that the guest should be granted now, which is thereby granted; usually 0. */
  takeGrant(): number {
    if (this.#finished || (this.#owed < grantStep && this.#window > 0)) return 0;
    const grant = this.#owed;
    this.#owed = 0;
    this.#window += grant;
    return grant;
  }

  override _read(): void {
    const taken = this.#lent;
    this.#lent = 0;
    const chunk = this.#queue.shift();
    this.#wanted = chunk === undefined;
    if (chunk) this.#lend(chunk);
    else if (this.#finished) this.#conclude();
    this.#taken(taken);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const dropped = this.#lent + this.#queue.size;
    this.#lent = 0;
    this.#queue.clear();
    this.#taken(dropped);
    done(error);
  }

  #lend(chunk: Buffer): void {
    this.#wanted = false;
    this.#lent += chunk.length;
    this.push(chunk);
  }

  #taken(size: number): void {
    this.#owed += size;
    if (this.#owed > 0 && !this.#finished && (this.#owed >= grantStep || this.#window === 0)) this.#onGrant();
  }

  #conclude(): void {
    if (this.#queue.size > 0 || this.destroyed) return;
    if (!this.#failure) this.push(null);
    else if (this.#lent === 0) this.destroy(this.#failure);
  }
}
