import { ByteReader } from "../bytes.ts";
import { type Assembled, assemble } from "./assemble.ts";
import { Body } from "./body.ts";
import type { StoredMember } from "./entry.ts";
import { type Extended, isPending, nextEntry, nothingExtended, readExtended } from "./extended.ts";
import { blockSize, parseHeader, type TarHeader } from "./header.ts";
import { defaultTarLimits, enforce, type TarLimits } from "./limits.ts";
import { malformed, truncated } from "./malformed.ts";
import { readOldSparse, readPaxSparse, type SparseMap } from "./sparse.ts";

export interface TarReadOptions {
  limits?: Partial<TarLimits>;
  /** Whether a missing end marker is an error. Default: yes; nothing else shows that the last entries are lost. */
  requireEnd?: boolean;
}

/** A header with its block, for the fields that only some types have, and its place in the archive. */
interface Found {
  header: TarHeader;
  block: Buffer;
  at: number;
}

/**
 * Reads a tar archive in one pass: POSIX ustar and pax, GNU with long names and all its sparse formats, v7. The source
 * is read to its end, past the end marker, so that a program that writes it is not cut off. It may use the memory of a
 * chunk again when it is asked for the next one: then a piece of content, too, is valid until the next is asked for.
 *
 * @throws archive_invalid, archive_truncated, archive_too_large, and what the source throws
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  options: TarReadOptions = {},
): AsyncGenerator<StoredMember, void, void> {
  const limits = { ...defaultTarLimits, ...options.limits };
  const extended = nothingExtended();
  let content = 0;
  await using bytes = new ByteReader(source);
  for (let entries = 1; ; entries += 1) {
    nextEntry(extended);
    const found = await findEntry(bytes, extended, limits, options.requireEnd ?? true);
    if (!found) return;
    enforce(limits, "entries", entries);
    const assembled = assemble(found.header, extended, limits, found.at);
    const map = await mapOf(found, assembled, extended, bytes, limits);
    const body = new Body(bytes, map);
    const member: StoredMember = Object.assign(assembled.entry, {
      size: map.size,
      content: body.content,
      ranges: map.ranges,
      extents: body.extents,
    });
    content += member.size;
    enforce(limits, "contentBytes", content);
    enforce(limits, "archiveBytes", bytes.offset + map.stored);
    yield member;
    await body.finish();
  }
}

/** Reads headers up to the next one of an entry, keeping what the extended ones say. Undefined at the end. */
async function findEntry(
  bytes: ByteReader,
  extended: Extended,
  limits: TarLimits,
  requireEnd: boolean,
): Promise<Found | undefined> {
  for (;;) {
    const at = bytes.offset;
    const block = bytes.take(blockSize) ?? (await bytes.read(blockSize));
    const header = block.length === blockSize ? parseHeader(block, at) : undefined;
    if (!header) {
      const pending = isPending(extended);
      if (block.length > 0) await readEnd(bytes, block, limits);
      else if (requireEnd || pending) throw truncated(at, "before its end marker");
      if (pending) throw malformed(at, "an extended header has no entry after it");
      return undefined;
    }
    if (!(await readExtended(bytes, header, extended, limits, at))) return { header, block, at };
    enforce(limits, "archiveBytes", bytes.offset);
  }
}

/** The end marker is two blocks of zeros, of which some makers write one; whatever follows it belongs to nobody. */
async function readEnd(bytes: ByteReader, first: Buffer, limits: TarLimits): Promise<void> {
  if (first.length < blockSize) throw truncated(bytes.offset, "in a header");
  const at = bytes.offset;
  const second = await bytes.read(blockSize);
  if (second.some((byte) => byte !== 0)) throw malformed(at, "data follows half an end marker");
  while (await bytes.some(Number.MAX_SAFE_INTEGER)) enforce(limits, "archiveBytes", bytes.offset);
}

async function mapOf(
  { header, block, at }: Found,
  { entry, stored }: Assembled,
  extended: Extended,
  bytes: ByteReader,
  limits: TarLimits,
): Promise<SparseMap> {
  if (entry.type !== "file") return { size: 0, ranges: [], stored };
  const place = { bytes, limits, at, stored };
  if (header.flag === "S") return await readOldSparse(block, place);
  const sparse = extended.local.size > 0 ? await readPaxSparse(extended.local, place) : undefined;
  return sparse ?? { size: stored, ranges: [{ offset: 0, length: stored }], stored };
}
