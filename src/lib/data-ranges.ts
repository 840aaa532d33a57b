import type { FileHandle } from "node:fs/promises";
import { agentBinary } from "./agent-binary.ts";
import { isFault } from "./errors/error.ts";
import { run } from "./process.ts";
import type { FileRange } from "./read-ahead.ts";

/** Of st_blocks (stat(2)). */
const blockSize = 512;
/** With fewer bytes of holes than this it costs more to ask than to read them. */
const worthwhile = 8 * 1024 * 1024;
/** Milliseconds. */
const timeout = 60_000;

/**
 * Where an open file has data, ascending; the rest of it are holes, which read as zeros. Reading these would take as long as reading
 * data, and fill the host's memory with them. Node cannot see holes, so the agent's program is asked.
 *
 * @throws interrupted
 */
export async function dataRanges(file: FileHandle, signal?: AbortSignal): Promise<FileRange[]> {
  const { size, blocks } = await file.stat();
  const everything = [{ offset: 0, length: size }];
  if (size - blocks * blockSize < worthwhile) return everything;
  const path = Buffer.from(`/proc/${process.pid}/fd/${file.fd}`).toString("hex");
  try {
    const { stdout } = await run(agentBinary(), ["--map", path], { signal, timeout });
    return parseRanges(stdout, size) ?? everything;
  } catch (error) {
    if (isFault(error, "interrupted")) throw error;
    // The answer is the same without knowing, only later.
    return everything;
  }
}

/** @returns undefined for what are not ascending ranges within the size */
function parseRanges(text: string, size: number): FileRange[] | undefined {
  const ranges: FileRange[] = [];
  let end = 0;
  for (const line of text.split("\n").slice(0, -1)) {
    const [, offset = "", length = ""] = /^(\d{1,15}) (\d{1,15})$/.exec(line) ?? [];
    const range = { offset: Number(offset), length: Number(length) };
    if (length === "" || range.offset < end || range.offset + range.length > size) return undefined;
    end = range.offset + range.length;
    ranges.push(range);
  }
  return ranges;
}
