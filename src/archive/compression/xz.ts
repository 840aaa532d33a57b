import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BangerError, fault, isFault } from "../../lib/errors/error.ts";
import { stream } from "../../lib/process.ts";

/** A file can demand dictionaries of up to 1.5 GiB; `xz -9` needs 65 MiB per thread. */
const memoryLimit = "1GiB";

/**
 * Decompresses xz by the host's program, on all its processors if the file has several blocks.
 *
 * @throws archive_invalid, archive_truncated, tool_missing, interrupted, and what the source throws
 */
export async function* unxz(
  source: AsyncIterable<Uint8Array>,
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Buffer, void, void> {
  const input = new Watched(source);
  const output = Promise.withResolvers<Readable>();
  const consumed = Promise.withResolvers<void>();
  const run = { signal: options.signal, env: { ...process.env, LC_ALL: "C" } };
  const args = ["--decompress", "--stdout", "--threads=0", `--memlimit-decompress=${memoryLimit}`];
  const ended = stream("xz", args, run, async ({ stdin, stdout }) => {
    output.resolve(stdout);
    await Promise.all([feed(input, stdin), consumed.promise]);
  });
  // Whoever fails first, the other one's failure is told by `ended`.
  consumed.promise.catch(() => undefined);
  ended.catch(output.reject);
  try {
    for await (const chunk of await output.promise) yield chunk as Buffer;
    consumed.resolve();
    await ended;
  } catch (error) {
    consumed.reject(error);
    const reason = await ended.then(
      () => error,
      (failure: unknown) => failure,
    );
    throw input.failed ? input.error : translate(reason, input.passed);
  } finally {
    consumed.reject(fault("interrupted", { what: "decompressing" }));
    await ended.catch(() => undefined);
  }
}

/** The source, with its own failure kept: the program's complaint about the missing rest may come first. */
class Watched implements AsyncIterable<Uint8Array> {
  passed = 0;
  failed = false;
  error: unknown;
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const chunk of this.#source) {
        this.passed += chunk.length;
        yield chunk;
      }
    } catch (error) {
      this.failed = true;
      this.error = error;
      throw error;
    }
  }
}

/** A program that ends before it has read everything breaks the pipe; its status tells the story. */
async function feed(input: Watched, stdin: Writable): Promise<void> {
  try {
    await pipeline(input, stdin);
  } catch (error) {
    if (input.failed) throw error;
  }
}

function translate(error: unknown, offset: number): unknown {
  if (isFault(error, "tool_missing"))
    return fault("tool_missing", { tool: "xz", package: "xz-utils" }, error);
  if (!isFault(error, "tool_failed")) return error;
  if (offset === 0 || error.message.includes("Unexpected end of input")) return truncated(offset, error);
  const problem = error.message.replace(/^.*\(stdin\): /s, "");
  return fault("archive_invalid", { format: "xz", problem }, error);
}

function truncated(offset: number, cause: unknown): BangerError {
  return fault("archive_truncated", { format: "xz", offset, within: "before its end marker" }, cause);
}
