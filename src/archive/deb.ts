import { createReadStream } from "node:fs";
import { show } from "../lib/errors/define.ts";
import { type BangerError, fault, isFault } from "../lib/errors/error.ts";
import { readAr } from "./ar.ts";
import { decompress } from "./compression/decompress.ts";
import type { Compression } from "./compression/detect.ts";
import type { TarMember } from "./tar/entry.ts";
import { readTar } from "./tar/read.ts";

export interface DebOptions {
  signal?: AbortSignal | undefined;
}

const chunkSize = 256 * 1024;

const compressions: Partial<Record<string, Compression>> = {
  "": "none",
  ".gz": "gzip",
  ".xz": "xz",
  ".zst": "zstd",
};

/**
 * Reads one of the two archives of a Debian package (deb(5)): `data` has the files, `control` their description and the
 * maintainer's scripts.
 *
 * @throws archive_invalid, archive_truncated, archive_too_large, interrupted, tool_missing (xz), and errors of the file
 */
export async function* readDeb(
  path: string,
  part: "control" | "data",
  options: DebOptions = {},
): AsyncGenerator<TarMember, void, void> {
  const file = createReadStream(path, { highWaterMark: chunkSize, signal: options.signal });
  try {
    yield* readPart(file, part, options);
  } catch (error) {
    if (!options.signal?.aborted || isFault(error)) throw error;
    throw fault("interrupted", { what: `reading ${path}` }, error);
  }
}

async function* readPart(
  file: AsyncIterable<Uint8Array>,
  part: string,
  options: DebOptions,
): AsyncGenerator<TarMember, void, void> {
  let isFirst = true;
  for await (const { name, content } of readAr(file)) {
    if (isFirst !== (name === "debian-binary")) throw notPackage(`has ${show(name)} in the wrong place`);
    if (isFirst) await checkVersion(content);
    isFirst = false;
    if (!name.startsWith(`${part}.tar`)) continue;
    const compression = compressions[name.slice(`${part}.tar`.length)];
    if (!compression) throw notPackage(`has ${show(name)}, of which the compression is not known`);
    yield* readTar(decompress(content, compression, options));
    return;
  }
  throw notPackage(`has no ${part}.tar`);
}

async function checkVersion(content: AsyncIterable<Buffer>): Promise<void> {
  let text = "";
  for await (const piece of content) {
    text += piece.toString("latin1");
    if (text.length > 64) break;
  }
  if (!text.startsWith("2.")) throw notPackage(`has format ${show(text)}`);
}

function notPackage(problem: string): BangerError {
  return fault("archive_invalid", { format: "Debian package", problem: `it ${problem}` });
}
