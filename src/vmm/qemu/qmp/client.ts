import { connect, type Socket } from "node:net";
import { within } from "../../../lib/deadline.ts";
import { type BangerError, fault, messageOf } from "../../../lib/errors/error.ts";
import { LineCutter } from "./lines.ts";
import { parseMessage, type QmpMessage } from "./messages.ts";

/** No answer to anything asked here comes near this. */
const lineLimit = 1 << 20;
const answerTimeout = 10_000;

/** `at`: when it happened, in milliseconds, 0 when that was not said. */
export type QmpEvent = { name: string; data: Record<string, unknown>; at: number };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: BangerError): void;
}

/** A connection to QEMU's control socket, ready for commands. Owns its socket: `close` it. */
export class QmpClient implements Disposable {
  readonly version: string;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<BangerError>;
  readonly #wire: Wire;

  private constructor(wire: Wire, version: string) {
    this.#wire = wire;
    this.version = version;
    this.closed = wire.closed;
  }

  /**
   * Connects, waits for the greeting and leaves the negotiation mode.
   *
   * @throws vmm_protocol, timed_out, interrupted; ENOENT or ECONNREFUSED of the socket as the cause of vmm_protocol
   */
  static async connect(
    path: string,
    options: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<QmpClient> {
    const socket = connect(path);
    const wire = new Wire(socket);
    try {
      const ready = (async () => {
        const version = await wire.greeting;
        await wire.execute("qmp_capabilities", undefined);
        return version;
      })();
      return new QmpClient(
        wire,
        await within("QEMU's control socket", options.timeout, ready, options.signal),
      );
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** @throws vmm_protocol when QEMU refuses or leaves, timed_out, interrupted */
  async execute(
    command: string,
    args?: Record<string, unknown>,
    options: { timeout?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    const answer = this.#wire.execute(command, args);
    return await within(
      `QEMU's answer to ${command}`,
      options.timeout ?? answerTimeout,
      answer,
      options.signal,
    );
  }

  /** Has every event from now on heard by the listener. Returns what ends that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#wire.listeners.add(listener);
    return () => this.#wire.listeners.delete(listener);
  }

  close(): void {
    this.#wire.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The socket with its protocol state. Everything that waits on it is rejected when it closes. */
class Wire {
  readonly greeting: Promise<string>;
  readonly closed: Promise<BangerError>;
  readonly #socket: Socket;
  readonly listeners = new Set<(event: QmpEvent) => void>();
  readonly #lines = new LineCutter(lineLimit);
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeted = Promise.withResolvers<string>();
  #next = 1;
  #end: BangerError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.greeting = this.#greeted.promise;
    this.greeting.catch(() => undefined);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#finish(protocolFault(messageOf(error), error)));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve(this.#finish(protocolFault("the connection was closed"))));
    });
  }

  execute(command: string, args: Record<string, unknown> | undefined): Promise<unknown> {
    if (this.#end) return Promise.reject(this.#end);
    const id = this.#next;
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    promise.catch(() => undefined);
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return promise;
  }

  close(): void {
    this.#finish(protocolFault("the connection was closed"));
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const lines = this.#end ? [] : this.#lines.push(chunk);
    if (!lines) this.#fail(`a line over ${lineLimit} bytes`);
    for (const line of lines ?? []) {
      const message = parseMessage(line);
      if (message) this.#handle(message);
      else if (line.trim() !== "") this.#fail(`a line that is no message: ${line.slice(0, 80)}`);
      if (this.#end) break;
    }
  }

  #handle(message: QmpMessage): void {
    if (message.kind === "greeting") {
      this.#greeted.resolve(message.version);
    } else if (message.kind === "event") {
      const { name, data, at } = message;
      for (const listener of [...this.listeners]) listener({ name, data, at });
    } else if (message.kind === "return") {
      this.#settle(message.id)?.resolve(message.value);
    } else if (message.id === undefined) {
      this.#fail(message.reason);
    } else {
      this.#settle(message.id)?.reject(protocolFault(message.reason));
    }
  }

  /** A reply to nothing that waits is that of a command whose caller gave up. */
  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #fail(problem: string): void {
    this.#finish(protocolFault(problem));
    this.#socket.destroy();
  }

  #finish(error: BangerError): BangerError {
    if (this.#end) return this.#end;
    this.#end = error;
    this.#greeted.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    return error;
  }
}

function protocolFault(problem: string, cause?: unknown): BangerError {
  return fault("vmm_protocol", { program: "QEMU", problem }, cause);
}
