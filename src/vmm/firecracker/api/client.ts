import { type IncomingMessage, request } from "node:http";
import { z } from "zod";
import { within } from "../../../lib/deadline.ts";
import { type BangerError, errnoOf, fault, isFault, messageOf } from "../../../lib/errors/error.ts";
import type { ApiRequest, FirecrackerVersion, InstanceInfo } from "./types.ts";

/** Milliseconds. Firecracker answers from one thread, at once unless it writes a snapshot. */
const usualTimeout = 10_000;
/** Bytes of an answer; the longest that is asked for has a few hundred. */
const answerLimit = 64 * 1024;

const instanceSchema = z.object({
  id: z.string(),
  app_name: z.string(),
  vmm_version: z.string(),
  state: z.enum(["Not started", "Running", "Paused"]),
});
const versionSchema = z.object({ firecracker_version: z.string() });
const faultSchema = z.object({ fault_message: z.string() });

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds. */
  timeout?: number | undefined;
}

interface Answer {
  status: number;
  text: string;
}

/** Firecracker's API, on its socket. Each request has a connection of its own. */
export class FirecrackerApi {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  /**
   * Sends what is to be set or done.
   *
   * @throws vmm_failed with Firecracker's own words when it refuses, vmm_protocol, timed_out, interrupted
   */
  async send({ method, path, body }: ApiRequest, options: CallOptions = {}): Promise<void> {
    const answer = await this.#call(method, path, body, options);
    if (answer.status < 200 || answer.status > 299) throw refusal(method, path, answer);
  }

  /** @throws vmm_failed, vmm_protocol, timed_out, interrupted */
  async instance(options: CallOptions = {}): Promise<InstanceInfo> {
    return await this.#get("/", instanceSchema, options);
  }

  /** @throws vmm_failed, vmm_protocol, timed_out, interrupted */
  async version(options: CallOptions = {}): Promise<FirecrackerVersion> {
    return await this.#get("/version", versionSchema, options);
  }

  async #get<T>(path: string, schema: z.ZodType<T>, options: CallOptions): Promise<T> {
    const answer = await this.#call("GET", path, undefined, options);
    if (answer.status !== 200) throw refusal("GET", path, answer);
    const parsed = schema.safeParse(jsonOf(answer.text));
    if (!parsed.success) throw unexpected(`GET ${path} is answered by something else`, parsed.error);
    return parsed.data;
  }

  async #call(method: string, path: string, body: unknown, options: CallOptions): Promise<Answer> {
    const { signal, timeout = usualTimeout } = options;
    const over = new AbortController();
    try {
      const what = `Firecracker's answer to ${method} ${path}`;
      return await within(what, timeout, exchange(this.socket, method, path, body, over.signal), signal);
    } catch (error) {
      if (isFault(error)) throw error;
      throw unexpected(`${method} ${path}: ${errnoOf(error) ?? messageOf(error)}`, error);
    } finally {
      over.abort();
    }
  }
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    host: "localhost",
    accept: "application/json",
    ...(payload ? { "content-type": "application/json", "content-length": payload.length } : {}),
  };
  const call = request({ socketPath, method, path, headers, agent: false, signal }, (response) => {
    collect(response).then(resolve, reject);
  });
  call.on("error", reject);
  call.end(payload);
  return promise;
}

async function collect(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerLimit) throw unexpected(`an answer over ${answerLimit} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

function refusal(method: string, path: string, { status, text }: Answer): BangerError {
  const told = faultSchema.safeParse(jsonOf(text));
  if (!told.success) return unexpected(`${method} ${path} is answered with status ${status}`);
  const reason = told.data.fault_message.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  return fault("vmm_failed", { program: "Firecracker", reason: `${method} ${path}: ${reason}` });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON matches no schema.
    return undefined;
  }
}

function unexpected(problem: string, cause?: unknown): BangerError {
  return fault("vmm_protocol", { program: "Firecracker", problem }, cause);
}
