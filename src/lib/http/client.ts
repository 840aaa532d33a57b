import { Agent as HttpAgent, type IncomingMessage, request as requestHttp, STATUS_CODES } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { within } from "../deadline.ts";
import { errnoOf, fault, isFault, messageOf } from "../errors/error.ts";
import { proxySettings } from "./proxy.ts";

export interface HttpClientOptions {
  /** Where the proxy variables come from. Default: this process. */
  env?: NodeJS.ProcessEnv;
  /** Milliseconds until the head of an answer must be there. */
  answerTimeout?: number;
  /** Milliseconds that a body may pause. */
  stallTimeout?: number;
}

export interface HttpResponse {
  /** After redirects. */
  url: string;
  status: number;
  headers: IncomingMessage["headers"];
  /** Read it to its end, or call `discard`. */
  body: AsyncIterable<Buffer>;
  discard(): void;
}

export interface GetOptions {
  signal: AbortSignal;
  /** An `authorization` is for the server that was asked, and not shown to another one that it redirects to. */
  headers?: Record<string, string>;
  /** Sent with POST, as a form (application/x-www-form-urlencoded); redirects are not followed then. */
  form?: string;
}

/** Whoever answers requests: a client, or something around one. */
export interface HttpGetter {
  get(address: string, options: GetOptions): Promise<HttpResponse>;
}

const redirectLimit = 5;
const formHeader = { "content-type": "application/x-www-form-urlencoded" };

/**
 * GET over HTTP and HTTPS, through the proxies of the environment, following redirects (never from https to http).
 * Close it when it is no longer needed: it keeps connections open.
 */
export class HttpClient implements HttpGetter {
  readonly #agents: { "http:": HttpAgent; "https:": HttpsAgent };
  readonly #answerTimeout: number;
  readonly #stallTimeout: number;

  /** @throws invalid_value when a proxy variable is not usable */
  constructor(options: HttpClientOptions = {}) {
    const proxyEnv = proxySettings(options.env ?? process.env);
    const agentOptions = { proxyEnv, keepAlive: true };
    this.#agents = { "http:": new HttpAgent(agentOptions), "https:": new HttpsAgent(agentOptions) };
    this.#answerTimeout = options.answerTimeout ?? 30_000;
    this.#stallTimeout = options.stallTimeout ?? 30_000;
  }

  /** The answer, whatever its status. @throws archive_unreachable, interrupted */
  async get(address: string, options: GetOptions): Promise<HttpResponse> {
    let url = address;
    let asked = options;
    for (let hop = 0; hop <= redirectLimit; hop += 1) {
      const message = await this.#send(url, asked);
      const next = options.form === undefined ? redirectOf(message, url) : undefined;
      if (next === undefined) return this.#response(url, message, options.signal);
      message.destroy();
      if (new URL(next).origin !== new URL(url).origin) asked = withoutAuthorization(asked);
      url = next;
    }
    throw fault("archive_unreachable", { url: address, reason: `more than ${redirectLimit} redirects` });
  }

  close(): void {
    this.#agents["http:"].destroy();
    this.#agents["https:"].destroy();
  }

  async #send(url: string, { signal, headers, form }: GetOptions): Promise<IncomingMessage> {
    if (signal.aborted) throw fault("interrupted", { what: `downloading ${url}` }, signal.reason);
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "http:" && target?.protocol !== "https:") {
      throw fault("archive_unreachable", { url, reason: "not an http or https address" });
    }
    const { protocol } = target;
    const give = {
      agent: this.#agents[protocol],
      method: form === undefined ? "GET" : "POST",
      headers: {
        "user-agent": "banger",
        accept: "*/*",
        ...(form === undefined ? {} : formHeader),
        ...headers,
      },
      signal,
    };
    const request = protocol === "http:" ? requestHttp(target, give) : requestHttps(target, give);
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", reject);
    });
    request.end(form);
    try {
      return await within(`waiting for ${target.host}`, this.#answerTimeout, answer, signal);
    } catch (error) {
      // Whoever wins the race, the request must not outlive it, nor may its error go unheard.
      answer.catch(() => undefined);
      request.destroy();
      throw networkFault(url, error, signal);
    }
  }

  #response(url: string, message: IncomingMessage, signal: AbortSignal): HttpResponse {
    return {
      url,
      status: message.statusCode ?? 0,
      headers: message.headers,
      body: readBody(url, message, this.#stallTimeout, signal),
      discard: () => {
        message.on("error", () => undefined);
        message.destroy();
      },
    };
  }
}

/** "404 Not Found" */
export function statusText(status: number): string {
  return `HTTP ${status}${STATUS_CODES[status] ? ` ${STATUS_CODES[status]}` : ""}`;
}

async function* readBody(
  url: string,
  message: IncomingMessage,
  stallTimeout: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await within("the download", stallTimeout, chunks.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    throw networkFault(url, error, signal);
  } finally {
    message.on("error", () => undefined);
    message.destroy();
  }
}

function withoutAuthorization(options: GetOptions): GetOptions {
  const kept = Object.entries(options.headers ?? {}).filter(
    ([name]) => name.toLowerCase() !== "authorization",
  );
  return { ...options, headers: Object.fromEntries(kept) };
}

function redirectOf(message: IncomingMessage, from: string): string | undefined {
  const { statusCode = 0, headers } = message;
  if (![301, 302, 303, 307, 308].includes(statusCode) || !headers.location) return undefined;
  if (!URL.canParse(headers.location, from)) {
    throw fault("archive_unreachable", { url: from, reason: "redirected to what is no address" });
  }
  const next = new URL(headers.location, from);
  if (from.startsWith("https:") && next.protocol !== "https:") {
    throw fault("archive_unreachable", { url: from, reason: `redirected from https to ${next.protocol}//` });
  }
  return next.href;
}

/** What went wrong on the way, in words; an error of ours as it is. */
function networkFault(url: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return fault("interrupted", { what: `downloading ${url}` }, signal.reason);
  if (isFault(error, "timed_out")) {
    const { seconds } = error.params as { seconds: number };
    return fault("archive_unreachable", { url, reason: `nothing came for ${seconds} s` }, error);
  }
  if (isFault(error)) return error;
  return fault("archive_unreachable", { url, reason: reasonOf(error) }, error);
}

function reasonOf(error: unknown): string {
  switch (errnoOf(error)) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection broke";
    case "ENOTFOUND":
      return "no such host";
    case "EAI_AGAIN":
      return "the name server does not answer";
    case "ETIMEDOUT":
      return "the connection timed out";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no route to the host";
    default:
      return messageOf(error) || errnoOf(error) || "unknown network error";
  }
}
