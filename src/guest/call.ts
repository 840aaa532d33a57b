import { type BangerError, fault } from "../lib/errors/error.ts";
import { errnoName } from "./errno.ts";
import { Fields } from "./fields.ts";
import { type Frame, frameName, frameTypes } from "./frames.ts";
import type { StreamHandler, Streams } from "./streams.ts";
import { violation } from "./violation.ts";

/** An answer other than success: what the agent says went wrong. */
export interface Refusal {
  /** Name of the guest's errno, such as ENOENT. */
  readonly errno: string;
  /** The agent's message, or the errno's name. Safe to print. */
  readonly reason: string;
  /** Of a command that could not be started: `user`, `cwd` or `exec`. */
  readonly step?: string | undefined;
}

export interface CallOptions<T> {
  /** Completes "the guest could not …". */
  readonly doing: string;
  /** Milliseconds to wait for the answer. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Reads a successful answer, before any later frame is looked at. It may hand the stream to another handler. */
  readonly accept: (fields: Fields, id: number) => T;
  /** Makes a result, or throws an error, of any other answer. Default: guest_refused. */
  readonly refuse?: (refusal: Refusal) => T;
}

/**
 * Opens a stream and waits for its RESULT. However the waiting ends, nothing of it remains in the guest.
 *
 * @throws guest_refused, guest_outdated, guest_protocol, channel_closed, timed_out, interrupted, and what `refuse` throws
 */
export async function call<T>(streams: Streams, payload: Buffer, options: CallOptions<T>): Promise<T> {
  if (options.signal.aborted) throw interruption(options);
  return await new Promise<T>((resolve, reject) => {
    const pending = new Call(streams, options, resolve, reject);
    pending.start(payload);
  });
}

/** `errno` and `message` of a RESULT or RESET; undefined where errno says success. */
export function readRefusal(fields: Fields): Refusal | undefined {
  const number = fields.requireU32(1);
  if (number === 0) return undefined;
  const errno = errnoName(number);
  const message = fields.text(2);
  return { errno, reason: message ? `${message} (${errno})` : errno, step: fields.text(21) };
}

class Call<T> implements StreamHandler {
  readonly #streams: Streams;
  readonly #options: CallOptions<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #id = 0;
  #alarm: NodeJS.Timeout | undefined;

  constructor(
    streams: Streams,
    options: CallOptions<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#streams = streams;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(payload: Buffer): void {
    this.#id = this.#streams.open(payload, this);
    this.#alarm = setTimeout(this.#onAlarm, this.#options.timeout);
    this.#options.signal.addEventListener("abort", this.#onAbort);
  }

  receive(frame: Frame): void {
    const name = frameName(frame.type);
    if (frame.type === frameTypes.result) this.#answer(new Fields(frame.payload, name));
    else if (frame.type === frameTypes.reset) this.#givenUp(new Fields(frame.payload, name));
    else throw violation(`${name} before RESULT`);
  }

  fail(error: BangerError): void {
    this.#settle();
    this.#reject(error);
  }

  #answer(fields: Fields): void {
    const refusal = readRefusal(fields);
    if (!refusal) {
      const value = this.#options.accept(fields, this.#id);
      this.#settle();
      this.#resolve(value);
      return;
    }
    this.#settle();
    try {
      this.#resolve(this.#refuse(refusal));
    } catch (error) {
      this.#reject(error);
    }
  }

  #givenUp(fields: Fields): void {
    const { reason } = readRefusal(fields) ?? { reason: "it gave up" };
    this.#settle();
    this.#reject(fault("guest_refused", { doing: this.#options.doing, reason }));
  }

  #refuse(refusal: Refusal): T {
    const { doing, refuse } = this.#options;
    if (refusal.errno === "ENOSYS") throw fault("guest_outdated", { doing });
    if (refuse) return refuse(refusal);
    throw fault("guest_refused", { doing, ...refusal });
  }

  readonly #onAlarm = (): void => {
    const { doing, timeout } = this.#options;
    this.#streams.reset(this.#id);
    this.#settle();
    this.#reject(fault("timed_out", { what: `asking the guest to ${doing}`, seconds: timeout / 1000 }));
  };

  readonly #onAbort = (): void => {
    this.#streams.reset(this.#id);
    this.#settle();
    this.#reject(interruption(this.#options));
  };

  #settle(): void {
    clearTimeout(this.#alarm);
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    if (this.#streams.has(this.#id, this)) this.#streams.end(this.#id);
  }
}

function interruption({ doing, signal }: { doing: string; signal: AbortSignal }): BangerError {
  return fault("interrupted", { what: `asking the guest to ${doing}` }, signal.reason);
}
