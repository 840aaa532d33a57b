import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { diskFault, syncDirectory } from "../atomic.ts";
import { fault, isFault } from "../errors/error.ts";
import { hashHandle } from "../hash-file.ts";
import { type GetOptions, type HttpGetter, type HttpResponse, statusText } from "./client.ts";
import { type RetryOptions, retrying } from "./retry.ts";

export interface Download {
  url: string;
  /** Where the file goes when it is whole and right. */
  path: string;
  /** SHA-256 in lower-case hex that the content must have. */
  sha256: string;
  /** Bytes; more than these are not read. */
  size: number;
}

export interface DownloadOptions extends RetryOptions {
  onProgress?: (bytes: number) => void;
}

/**
 * Fetches a file, checked while it streams. What has come is kept as `<path>.<hash>.part`, from which a later call goes on, unless
 * the work is cancelled or the content is wrong. One process at a time may fetch a path.
 *
 * @throws archive_unreachable, archive_bad_hash, archive_malformed (more bytes than announced), no_space, interrupted
 */
export async function download(http: HttpGetter, what: Download, options: DownloadOptions): Promise<void> {
  const part = `${what.path}.${what.sha256.slice(0, 16)}.part`;
  try {
    let furthest = 0;
    await retrying(options, async (advanced) => {
      // A server that begins anew each time, and breaks off at the same place, gets nobody further.
      const reached = (size: number): void => {
        if (size > furthest) advanced();
        furthest = Math.max(furthest, size);
      };
      await fetchPart(http, what, part, { ...options, reached });
    });
    await rename(part, what.path);
    await syncDirectory(dirname(what.path));
  } catch (error) {
    if (isFault(error, "interrupted", "archive_bad_hash", "archive_malformed"))
      await rm(part, { force: true });
    throw diskFault(error, what.path, `downloading ${what.url}`);
  }
}

/** A small file into memory. @throws archive_unreachable, archive_malformed when it has more than `limit` bytes */
export async function fetchBytes(
  http: HttpGetter,
  url: string,
  limit: number,
  options: FetchOptions,
): Promise<Buffer> {
  return (await fetchDocument(http, url, limit, options)).bytes;
}

export interface FetchOptions extends RetryOptions, Omit<GetOptions, "signal"> {}

/** The same with the head of the answer. */
export async function fetchDocument(
  http: HttpGetter,
  url: string,
  limit: number,
  options: FetchOptions,
): Promise<{ bytes: Buffer; headers: HttpResponse["headers"] }> {
  const { signal, headers = {}, form } = options;
  return await retrying(options, async () => {
    const response = await http.get(url, { signal, headers, ...(form === undefined ? {} : { form }) });
    if (response.status !== 200) throw refused(url, response);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > limit) throw fault("archive_malformed", { url, problem: `it has more than ${limit} bytes` });
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), headers: response.headers };
  });
}

async function fetchPart(http: HttpGetter, what: Download, part: string, options: Advancing): Promise<void> {
  const file = await open(part, "a+", 0o600);
  try {
    for (;;) {
      const kept = await readKept(file, what.size);
      if (kept.size < what.size) await receive(http, what, file, kept, options);
      const actual = kept.hash.digest("hex");
      if (actual === what.sha256) break;
      await file.truncate(0);
      // What an earlier call left may be of another file; only the bytes of one answer accuse the server.
      if (!kept.resumed) {
        throw fault("archive_bad_hash", { url: what.url, expected: what.sha256, actual });
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

type Advancing = DownloadOptions & { reached: (size: number) => void };

interface Kept {
  hash: Hash;
  size: number;
  resumed: boolean;
}

async function readKept(file: FileHandle, limit: number): Promise<Kept> {
  if ((await file.stat()).size > limit) await file.truncate(0);
  const { hash, size } = await hashHandle(file);
  return { hash, size, resumed: size > 0 };
}

/** Appends what is missing, or starts over when the server will not go on where we stopped. */
async function receive(
  http: HttpGetter,
  what: Download,
  file: FileHandle,
  kept: Kept,
  options: Advancing,
): Promise<void> {
  const { signal } = options;
  let response = await http.get(what.url, { signal, headers: rangeFrom(kept.size) });
  const goesOn = response.status === 206 && startOf(response) === kept.size;
  if (kept.size > 0 && !goesOn) {
    await startOver(file, kept);
    if (response.status === 206 || response.status === 416) {
      response.discard();
      response = await http.get(what.url, { signal });
    }
  }
  if (response.status !== 200 && !goesOn) throw refused(what.url, response);
  for await (const chunk of response.body) {
    if (kept.size + chunk.length > what.size) {
      throw fault("archive_malformed", {
        url: what.url,
        problem: `it has more than the announced ${what.size} bytes`,
      });
    }
    await file.write(chunk);
    kept.hash.update(chunk);
    kept.size += chunk.length;
    options.reached(kept.size);
    options.onProgress?.(kept.size);
  }
}

async function startOver(file: FileHandle, kept: Kept): Promise<void> {
  await file.truncate(0);
  kept.hash = createHash("sha256");
  kept.size = 0;
  kept.resumed = false;
}

function rangeFrom(position: number): Record<string, string> {
  return position > 0 ? { range: `bytes=${position}-` } : {};
}

/** First byte of a partial answer ("bytes 500-999/1000"). */
function startOf(response: HttpResponse): number | undefined {
  const match = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "");
  return match ? Number(match[1]) : undefined;
}

function refused(url: string, response: HttpResponse): Error {
  response.discard();
  const seconds = Number(response.headers["retry-after"]);
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? { retryAfter: seconds } : {};
  return fault("archive_unreachable", {
    url,
    reason: statusText(response.status),
    status: response.status,
    ...retryAfter,
  });
}
