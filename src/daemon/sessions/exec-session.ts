import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { drained } from "../../lib/drained.ts";
import { asFault, fault } from "../../lib/errors/error.ts";
import { signalName, signalNumber } from "../../lib/signal-names.ts";
import { type ExecExit, type ExecRequest, execRequestSchema } from "../../model/api/requests.ts";
import { type ExecFrame, ExecFrameDecoder, encodeExecFrame } from "../../model/exec-frames.ts";
import type { VmApi } from "../../vm/api.ts";
import type { GuestProcess } from "../../vm/ports.ts";
import { switchProtocol } from "./switch-protocol.ts";

type Exit = Awaited<GuestProcess["exited"]>;

/** The exit status of a command whose time ran out, as timeout(1) has it. */
const timedOutCode = 124;

/** The name of the upgraded protocol, as in `Upgrade: banger-exec/1`. */
export const execProtocol = "banger-exec/1";

/** Switches protocols and serves one command. */
export function serveExec(vms: VmApi, ref: string, socket: Socket): void {
  switchProtocol(socket, execProtocol);
  void new ExecSession(vms, ref, socket).run();
}

/** One command of one client: frames in, frames out, until either side ends. */
class ExecSession {
  readonly #vms: VmApi;
  readonly #ref: string;
  readonly #socket: Socket;
  readonly #gone = new AbortController();

  constructor(vms: VmApi, ref: string, socket: Socket) {
    this.#vms = vms;
    this.#ref = ref;
    this.#socket = socket;
    socket.once("close", () => this.#gone.abort());
  }

  /** Ends the connection in every case; never rejects. */
  async run(): Promise<void> {
    try {
      const frames = this.#frames();
      const request = await this.#request(frames);
      const starting = this.#vms.exec(this.#ref, request, this.#gone.signal);
      // Reading goes on while the machine is still starting: that is how a client that leaves is noticed.
      void this.#obey(starting, frames);
      const guest = await starting;
      await this.#send(encodeExecFrame("started", JSON.stringify({ pid: guest.pid })));
      const outputs = [this.#forward(guest.stdout, "stdout"), this.#forward(guest.stderr, "stderr")];
      const [exit] = await Promise.all([guest.exited, ...outputs]);
      await this.#send(encodeExecFrame("exit", JSON.stringify(exitOf(exit))));
    } catch (error) {
      await this.#send(encodeExecFrame("error", JSON.stringify(asFault(error).toProblem())));
    } finally {
      this.#socket.end();
    }
  }

  async #request(frames: AsyncIterator<ExecFrame>): Promise<ExecRequest> {
    const { value, done } = await frames.next();
    if (done || value.name !== "start") throw fault("channel_closed", { reason: "no command was given" });
    const parsed = execRequestSchema.safeParse(parseJson(value.payload));
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw fault("invalid_request", { problems }, parsed.error);
  }

  /** Carries out the client's frames; when they end the client has gone, and what it started is ended. */
  async #obey(starting: Promise<GuestProcess>, frames: AsyncIterator<ExecFrame>): Promise<void> {
    try {
      for (let next = await frames.next(); !next.done; next = await frames.next()) {
        await act(await starting, next.value);
      }
    } catch {
      // Broken frames, or a command that did not start: `run` tells the client, if there still is one.
    }
    this.#gone.abort();
    starting.then(
      (guest) => guest.reset(),
      () => undefined,
    );
    this.#socket.destroySoon();
  }

  async #forward(output: Readable, name: "stdout" | "stderr"): Promise<void> {
    for await (const chunk of output) await this.#send(encodeExecFrame(name, chunk as Buffer));
  }

  /** Waits while the client is behind, and no longer than it is there. */
  async #send(frame: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(frame)) return;
    await drained(this.#socket);
  }

  async *#frames(): AsyncGenerator<ExecFrame> {
    const decoder = new ExecFrameDecoder();
    // A malformed frame must not cost the client the error that it gets for it.
    const chunks = this.#socket.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) yield* decoder.push(chunk as Buffer);
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(String(bytes));
  } catch (error) {
    throw fault("invalid_request", { problems: ["the command is not JSON"] }, error);
  }
}

function exitOf({ code, signal, timedOut }: Exit): ExecExit {
  const end = signal === undefined ? { code } : { code: 128 + signal, signal: signalName(signal) };
  return timedOut ? { ...end, code: timedOutCode, timedOut } : end;
}

async function act(guest: GuestProcess, { name, payload }: ExecFrame): Promise<void> {
  switch (name) {
    case "stdin":
      if (!guest.stdin.destroyed && !guest.stdin.write(payload)) await drained(guest.stdin);
      return;
    case "eof":
      guest.stdin.end();
      return;
    case "resize": {
      const { rows, columns } = JSON.parse(String(payload)) as { rows: number; columns: number };
      if (Number.isInteger(rows) && Number.isInteger(columns)) guest.resize(rows, columns);
      return;
    }
    case "signal": {
      const number = signalNumber(String(payload));
      if (number !== undefined) guest.kill(number);
      return;
    }
    default:
      throw fault("channel_closed", { reason: `an unexpected ${name} frame` });
  }
}
