import { z } from "zod";
import { errnoOf, fault, isFault } from "../../lib/errors/error.ts";
import type { GetOptions, HttpGetter, HttpResponse } from "../../lib/http/client.ts";
import { fetchBytes } from "../../lib/http/download.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type Credentials, findCredentials } from "./credentials.ts";
import { formatReference, type OciReference } from "./reference.ts";

export interface RegistryOptions {
  /** Speak plain HTTP where the registry has no TLS. Loopback is always taken so. */
  insecure: boolean;
  /** Where Docker's configuration is found. */
  env: NodeJS.ProcessEnv;
}

const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });
const tokenLimit = 1024 * 1024;
/** The host that serves what is called docker.io. */
const dockerHubHost = "registry-1.docker.io";
/** How a server without TLS answers to it, or none at all. */
const noTls =
  /^(EPROTO|ECONNREFUSED|ECONNRESET|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST))$/;

/**
 * One repository of a registry (OCI distribution specification, version 1.1), logged in as far as it asks for it. Errors of
 * the transport come as they are; `registryFault` translates them.
 */
export class Registry implements HttpGetter {
  readonly #http: HttpGetter;
  readonly #reference: OciReference;
  readonly #options: RegistryOptions;
  readonly #base: string;
  #authorization: string | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  private constructor(http: HttpGetter, reference: OciReference, options: RegistryOptions, base: string) {
    this.#http = http;
    this.#reference = reference;
    this.#options = options;
    this.#base = base;
  }

  /** @throws archive_unreachable, interrupted */
  static async open(
    http: HttpGetter,
    reference: OciReference,
    options: RegistryOptions,
    signal: AbortSignal,
  ): Promise<Registry> {
    const host = reference.registry === "docker.io" ? dockerHubHost : reference.registry;
    const mayBePlain = options.insecure || isLoopback(host);
    const isPlain = mayBePlain && !(await hasTls(http, host, signal));
    return new Registry(http, reference, options, `${isPlain ? "http" : "https"}://${host}`);
  }

  /** @param which a tag or a digest */
  manifestUrl(which: string): string {
    return `${this.#base}/v2/${this.#reference.repository}/manifests/${which}`;
  }

  blobUrl(digest: string): string {
    return `${this.#base}/v2/${this.#reference.repository}/blobs/${digest}`;
  }

  /** Asks, and asks again with a login when the registry wants one. */
  async get(url: string, options: GetOptions): Promise<HttpResponse> {
    const used = this.#authorization;
    const answer = await this.#send(url, options, used);
    if (answer.status !== 401 || !answer.url.startsWith(`${this.#base}/`)) return answer;
    answer.discard();
    // Another request may have got a fresh token since.
    const fresh = this.#authorization !== used;
    if (!fresh) this.#authorization = await this.#logIn(answer, options.signal);
    return await this.#send(url, options, this.#authorization);
  }

  async #send(url: string, options: GetOptions, authorization: string | undefined): Promise<HttpResponse> {
    const login = authorization === undefined ? {} : { authorization };
    return await this.#http.get(url, { ...options, headers: { ...options.headers, ...login } });
  }

  async #logIn(answer: HttpResponse, signal: AbortSignal): Promise<string> {
    const challenges = parseChallenges(answer.headers["www-authenticate"]);
    this.#credentials ??= findCredentials(this.#reference.registry, this.#options.env, signal);
    const credentials = await this.#credentials;
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return `Bearer ${await this.#token(bearer, credentials, signal)}`;
    const wantsBasic = challenges.some(({ scheme }) => scheme === "basic");
    if (!wantsBasic) throw this.#denied("it wants a login of a kind that banger does not know");
    if (!credentials) throw this.#denied("it wants a login, and there is none for it");
    if ("identityToken" in credentials) throw this.#denied("it wants a password, and there is only a token");
    return basic(credentials);
  }

  /** As "Token Authentication" of the distribution project describes it. */
  async #token(
    { parameters }: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const realm = this.#realm(parameters.get("realm"));
    const asked = new URLSearchParams();
    const service = parameters.get("service");
    if (service) asked.set("service", service);
    asked.set("scope", parameters.get("scope") || `repository:${this.#reference.repository}:pull`);
    const answer = await this.#askForToken(realm, asked, credentials, signal);
    const { token, access_token: accessToken } = answer;
    const found = token || accessToken;
    if (!found || !/^[\x21-\x7e]+$/.test(found)) throw this.#denied("its token server gives no token");
    return found;
  }

  async #askForToken(
    realm: URL,
    asked: URLSearchParams,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<z.output<typeof tokenSchema>> {
    let bytes: Buffer;
    if (credentials && "identityToken" in credentials) {
      asked.set("grant_type", "refresh_token");
      asked.set("client_id", "banger");
      asked.set("refresh_token", credentials.identityToken);
      bytes = await fetchBytes(this.#http, realm.href, tokenLimit, { signal, form: asked.toString() });
    } else {
      for (const [name, value] of asked) realm.searchParams.set(name, value);
      const headers: Record<string, string> = credentials ? { authorization: basic(credentials) } : {};
      bytes = await fetchBytes(this.#http, realm.href, tokenLimit, { signal, headers });
    }
    try {
      return tokenSchema.parse(JSON.parse(bytes.toString("utf8")));
    } catch {
      // Without the parser's words: they may quote a token.
      throw this.#denied("its token server gives no token");
    }
  }

  /** A password goes to no server without TLS, unless the registry itself was accepted without it. */
  #realm(text: string | undefined): URL {
    const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
    const isSafe =
      url?.protocol === "https:" || (url?.protocol === "http:" && this.#base.startsWith("http:"));
    if (!url || !isSafe) throw this.#denied("it names no token server that can be used");
    return url;
  }

  #denied(reason: string): Error {
    const { registry, repository } = this.#reference;
    return fault("registry_denied", { registry, repository, reason });
  }
}

/** An error of the transport in terms of the image that was asked for; anything else as it is. */
export function registryFault(error: unknown, reference: OciReference): unknown {
  const { registry, repository } = reference;
  if (isFault(error, "archive_unreachable")) {
    const { status, reason } = error.params as { status?: number; reason: string };
    if (status === 401 || status === 403)
      return fault("registry_denied", { registry, repository, reason }, error);
    if (status === 404) {
      return fault("registry_not_found", { registry, what: formatReference(reference) }, error);
    }
    return fault("registry_unreachable", { registry, reason }, error);
  }
  if (isFault(error, "archive_bad_hash")) {
    const { expected, actual } = error.params as { expected: string; actual: string };
    const digests = { expected: `sha256:${expected}`, actual: `sha256:${actual}` };
    return fault("registry_bad_digest", { reference: formatReference(reference), ...digests }, error);
  }
  if (isFault(error, "archive_malformed")) {
    const { problem } = error.params as { problem: string };
    return fault("registry_invalid", { reference: formatReference(reference), problem }, error);
  }
  return error;
}

/** Whether a host of a registry, with its port, is this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

async function hasTls(http: HttpGetter, host: string, signal: AbortSignal): Promise<boolean> {
  try {
    (await http.get(`https://${host}/v2/`, { signal })).discard();
    return true;
  } catch (error) {
    const isPlain = isFault(error, "archive_unreachable") && noTls.test(errnoOf(error.cause) ?? "");
    if (!isPlain) throw error;
    return false;
  }
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
