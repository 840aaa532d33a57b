import { sleep } from "../lib/deadline.ts";
import { type BangerError, fault, fromProblem, isFault, type Problem } from "../lib/errors/error.ts";
import { build as ownBuild } from "../lib/version.ts";
import { readText } from "./http/body.ts";
import { type RequestOptions, type Response, request, type Upgraded, upgrade } from "./http/request.ts";

/** How often a call is tried when the daemon goes away before it can answer. */
const attempts = 3;
/** Milliseconds for a daemon to cancel what it does, to let go of its machines, and to end. */
const replaceLimit = 60_000;

export interface TransportOptions {
  socket: string;
  /** Starts the daemon when none answers; absent: that is an error. */
  start?: (() => Promise<void>) | undefined;
  /**
   * A daemon of another build is asked to end, and ours is started. Off for programs that use the SDK: two of different
   * builds would replace each other's daemon for ever.
   */
  sameBuild?: boolean;
}

export type Call = Omit<RequestOptions, "socket" | "headers"> & { headers?: Record<string, string> };

/** Sends requests to the daemon, starting or replacing it when that is needed. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  get socket(): string {
    return this.#options.socket;
  }

  /** The parsed JSON of an answer. @throws what the daemon answered, daemon_unreachable */
  async json<T>(call: Call): Promise<T> {
    const response = await this.stream(call);
    return JSON.parse(await readText(response.body)) as T;
  }

  /** An answer whose body is read as it comes. */
  async stream(call: Call): Promise<Response> {
    return await this.#withDaemon(call, async () => {
      const response = await request(this.#addressed(call));
      return await checked(response);
    });
  }

  async upgrade(call: Call, protocol: string): Promise<Upgraded> {
    return await this.#withDaemon(call, async () => {
      const answer = await upgrade(this.#addressed(call), protocol);
      if ("socket" in answer) return answer;
      await checked(answer);
      throw fault("channel_closed", { reason: `the daemon answered ${answer.status} to an upgrade` });
    });
  }

  #addressed(call: Call): RequestOptions {
    const headers = { ...call.headers, ...(this.#options.sameBuild ? { "Banger-Build": ownBuild() } : {}) };
    return { ...call, socket: this.#options.socket, headers };
  }

  /** A daemon may end between its start and the next attempt, at the hands of a client of yet another build. */
  async #withDaemon<T>(call: Call, attempt: () => Promise<T>): Promise<T> {
    for (let left = attempts; ; left -= 1) {
      try {
        return await attempt();
      } catch (error) {
        const { start } = this.#options;
        // A body that was begun cannot be sent again.
        if (!start || left === 1 || call.upload) throw error;
        if (isFault(error, "daemon_other_build")) await this.#replace();
        else if (!isAbsent(error) && !(call.method === "GET" && isLost(error))) throw error;
        await start();
      }
    }
  }

  /** Asks a daemon of another build to end, and waits until it no longer listens. */
  async #replace(): Promise<void> {
    const end = Date.now() + replaceLimit;
    try {
      await readText((await request(shutdownOf(this.socket))).body);
      while (Date.now() < end) {
        await sleep(20);
        await readText((await request({ socket: this.socket, method: "GET", path: "/v1/info" })).body);
      }
    } catch (error) {
      if (isFault(error, "daemon_unreachable", "channel_closed")) return;
      throw error;
    }
    throw fault("timed_out", { what: "the end of the other daemon", seconds: replaceLimit / 1000 });
  }
}

function shutdownOf(socket: string): RequestOptions {
  return { socket, method: "POST", path: "/v1/shutdown", body: {} };
}

/** No daemon listens: the socket is missing, or left behind by one that was killed. */
function isAbsent(error: unknown): boolean {
  return isUnreachable(error, ["ENOENT", "ECONNREFUSED"]);
}

/** The daemon went away before it answered. What it did of the request is unknown, so only reading is tried again. */
function isLost(error: unknown): boolean {
  return isUnreachable(error, ["ECONNRESET", "EPIPE", "it closed the connection"]);
}

function isUnreachable(error: unknown, reasons: readonly string[]): boolean {
  return (
    isFault(error, "daemon_unreachable") && reasons.includes((error.params as { reason: string }).reason)
  );
}

async function checked(response: Response): Promise<Response> {
  if (response.status < 300) return response;
  throw problemOf(response.status, await readText(response.body));
}

function problemOf(status: number, text: string): BangerError {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code === "string" && typeof problem.message === "string") {
      return fromProblem({ exit: 1, remedy: "", doc: "", causes: [], ...problem } as Problem, status);
    }
  } catch (error) {
    return fault("channel_closed", { reason: `the daemon answered ${status} without a problem` }, error);
  }
  return fault("channel_closed", { reason: `the daemon answered ${status}` });
}
