import { open } from "node:fs/promises";
import { errnoOf, fault, isFault, messageOf } from "../../lib/errors/error.ts";
import type { HttpGetter } from "../../lib/http/client.ts";
import { fetchBytes } from "../../lib/http/download.ts";
import { formatSize } from "../../lib/size.ts";
import { parseAddress } from "./address.ts";

/** A catalog as it was published. */
export interface Published {
  document: Buffer;
  signature: Buffer;
}

const documentLimit = 4 * 2 ** 20;
const signatureLimit = 8 * 1024;
/** Attempts for each of the two: somebody waits, and an older copy may do. */
const attempts = 2;

/** @throws catalog_unusable, interrupted */
export async function fetchCatalog(
  { name, url }: { name: string; url: string },
  http: HttpGetter,
  signal: AbortSignal,
): Promise<Published> {
  try {
    const document = await fetchPart(url, documentLimit, http, signal);
    const signature = await fetchPart(`${url}.minisig`, signatureLimit, http, signal);
    return { document, signature };
  } catch (error) {
    if (isFault(error, "interrupted")) throw error;
    throw fault("catalog_unusable", { name, url, problem: messageOf(error) }, error);
  }
}

async function fetchPart(url: string, limit: number, http: HttpGetter, signal: AbortSignal): Promise<Buffer> {
  const address = parseAddress(url);
  if (typeof address === "string") throw fault("catalog_source_invalid", { url, problem: address });
  if (address.kind === "http") return await fetchBytes(http, address.url, limit, { signal, attempts });
  try {
    return await readLimited(address.path, limit);
  } catch (error) {
    if (isFault(error)) throw error;
    const reason = errnoOf(error) === "ENOENT" ? "there is no such file" : messageOf(error);
    throw fault("file_unusable", { path: address.path, reason }, error);
  }
}

async function readLimited(path: string, limit: number): Promise<Buffer> {
  await using file = await open(path, "r");
  const status = await file.stat();
  if (!status.isFile()) throw fault("file_unusable", { path, reason: "it is not a file" });
  if (status.size > limit) throw fault("file_unusable", { path, reason: `it is over ${formatSize(limit)}` });
  return await file.readFile();
}
