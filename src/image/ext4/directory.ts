import {
  type DirectoryContext,
  type DirectoryEntry,
  dotEntries,
  encodeLeaf,
  entrySize,
  leafBytes,
} from "./directory-entry.ts";
import { buildIndexedDirectory } from "./htree.ts";

export interface DirectoryBlocks {
  blocks: Buffer[];
  indexed: boolean;
}

/**
 * The blocks of a directory: a plain list when one block holds it, else indexed by hash, as the kernel would have it.
 * Undefined when there are more entries than an index can have. Disk format: ext4 documentation, "Directory Entries".
 */
export function buildDirectory(
  entries: readonly DirectoryEntry[],
  context: DirectoryContext,
): DirectoryBlocks | undefined {
  const all = [...dotEntries(context), ...entries];
  const size = all.reduce((sum, entry) => sum + entrySize(entry.name), 0);
  if (size <= leafBytes) return { blocks: [encodeLeaf(all, context.seed)], indexed: false };
  const blocks = buildIndexedDirectory(entries, context);
  return blocks && { blocks, indexed: true };
}
