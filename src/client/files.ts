import { readTar } from "../archive/tar/read.ts";
import { checkedTar } from "../archive/tree/checked.ts";
import { packTree, type TreeSource } from "../archive/tree/pack.ts";
import { type CopyResult, unpackTree } from "../archive/tree/unpack.ts";
import { fault, fromProblem, type Problem } from "../lib/errors/error.ts";
import { readText } from "./http/body.ts";
import type { Transport } from "./transport.ts";

export type { CopyResult } from "../archive/tree/unpack.ts";

/** A path of the host: text, or bytes where it need not be UTF-8. Absolute, or relative to the working directory. */
export type HostPath = string | Uint8Array;

export interface CopyOptions {
  signal?: AbortSignal | undefined;
  /** Hears how many bytes have passed so far. */
  onBytes?: ((total: number) => void) | undefined;
}

export interface IntoOptions extends CopyOptions {
  /** `user`, `uid`, `user:group` or `uid:gid` that everything belongs to. Default: root. */
  owner?: string | undefined;
  /** Keep the owners' numbers instead. */
  keepOwners?: boolean | undefined;
  /** The destination must be a directory that exists. */
  directory?: boolean | undefined;
}

export interface OutOptions extends CopyOptions {
  /** Whether a link that is named itself stands for what it leads to. Default: true. */
  follow?: boolean | undefined;
  /** The destination must be a directory that exists. */
  directory?: boolean | undefined;
}

export interface WriteOptions extends CopyOptions {
  /** Default: those of the file that is replaced, else root. */
  owner?: string | undefined;
  /** Default: that of the file that is replaced, else 0644. */
  mode?: number | undefined;
}

/** Files of one machine. Paths in the machine are absolute. */
export class Files {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, ref: string) {
    this.#transport = transport;
    this.#base = `/v1/vms/${encodeURIComponent(ref)}`;
  }

  /** Copies files and directories of the host into the machine, as `cp -r` does. @throws file_missing, copy_failed, … */
  async copyIn(
    sources: readonly HostPath[],
    path: string,
    options: IntoOptions & { follow?: boolean } = {},
  ): Promise<CopyResult> {
    const named = sources.map((source): TreeSource => {
      const bytes = absolute(source);
      return { path: bytes, name: nameIn(bytes) };
    });
    return await packTree(named, options, (archive) => this.unpack(path, archive, options));
  }

  /** Copies a file or directory of the machine to the host, as `cp -r` does; owners become the caller. */
  async copyOut(path: string, destination: HostPath, options: OutOptions = {}): Promise<CopyResult> {
    const archive = counted(await this.pack(path, options), options);
    return await unpackTree(archive, absolute(destination), options);
  }

  /** Files of the machine as a tar archive, which is the guest's word: it may be anything. */
  async pack(path: string, options: OutOptions = {}): Promise<AsyncIterable<Buffer>> {
    const query = queryOf({ path, name: String(nameIn(Buffer.from(path))), follow: options.follow });
    const call = { method: "GET", path: `${this.#base}/archive${query}`, signal: options.signal };
    const { body, trailers } = await this.#transport.stream(call);
    return untilProblem(body, trailers);
  }

  /** As `pack`, but well-formed and within limits, whatever the guest says. */
  async packChecked(path: string, options: OutOptions = {}): Promise<AsyncIterable<Buffer>> {
    return checkedTar(await this.pack(path, options));
  }

  /** Unpacks a tar archive in the machine. */
  async unpack(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: IntoOptions = {},
  ): Promise<CopyResult> {
    const { owner, directory, keepOwners: keep_owners } = options;
    return await this.#put(`archive${queryOf({ path, owner, directory, keep_owners })}`, archive, options);
  }

  /** The content of one file of the machine. @throws copy_failed when it is no file */
  async *read(path: string, options: CopyOptions = {}): AsyncGenerator<Buffer, void, void> {
    for await (const member of readTar(await this.pack(path, options))) {
      if (member.type !== "file") {
        throw fault("copy_failed", { what: path, reason: `it is a ${member.type}`, undone: false });
      }
      yield* counted(member.content, options);
    }
  }

  /** Writes one file in the machine, replacing it in one step. */
  async write(
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: WriteOptions = {},
  ): Promise<CopyResult> {
    const { owner, mode } = options;
    const query = queryOf({ path, owner, mode: mode?.toString(8).padStart(3, "0") });
    return await this.#put(`file${query}`, content, options);
  }

  async #put(path: string, source: AsyncIterable<Uint8Array>, options: CopyOptions): Promise<CopyResult> {
    // Starts or replaces the daemon where that is needed: with a body under way it is too late.
    await this.#transport.json({ method: "GET", path: "/v1/info", signal: options.signal });
    const { body } = await this.#transport.stream({
      method: "PUT",
      path: `${this.#base}/${path}`,
      upload: counted(source, options),
      signal: options.signal,
    });
    return JSON.parse(await readText(body)) as CopyResult;
  }
}

/** The last name of a path; "." where what is below it is meant: `dir/.`, `..`, `/`. */
function nameIn(path: Buffer): Buffer {
  const text = path.toString("latin1").replace(/\/+$/, "");
  const name = text.slice(text.lastIndexOf("/") + 1);
  return Buffer.from(name === "" || name === "." || name === ".." ? "." : name, "latin1");
}

function absolute(path: HostPath): Buffer {
  const bytes = Buffer.from(path as string);
  return bytes[0] === 0x2f ? bytes : Buffer.concat([Buffer.from(`${process.cwd()}/`), bytes]);
}

function queryOf(values: Record<string, string | boolean | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

async function* counted<T extends Uint8Array>(
  source: AsyncIterable<T>,
  { onBytes }: CopyOptions,
): AsyncGenerator<T, void, void> {
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    onBytes?.(total);
    yield piece;
  }
}

/** An answer that failed on its way says so after its last byte. */
async function* untilProblem(
  body: AsyncIterable<Buffer>,
  trailers: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer, void, void> {
  yield* body;
  const problem = trailers.get("banger-problem");
  if (problem !== undefined) throw fromProblem(JSON.parse(decodeURIComponent(problem)) as Problem, 500);
}
