import { open, readFile } from "node:fs/promises";
import { sleep } from "../../lib/deadline.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import { followFile } from "../../lib/follow-file.ts";
import type { LogRequest } from "../../model/log-request.ts";
import { type Mark, offsetAt, readMarks, timeOf } from "./console-times.ts";
import { merged } from "./merge.ts";

export interface LogFiles {
  readonly console: string;
  /** When the console's log had which size. */
  readonly marks: string;
  /** Lines that begin with their time. */
  readonly agent: string;
}

/** Milliseconds between two looks for a file that is not there yet. */
const patience = 500;
/** Bytes that are read at once. */
const piece = 64 * 1024;
const newline = 0x0a;

/**
 * The logs of a machine: the console as the guest wrote it, the agent's lines with their times, or both together, every line with its time
 * and where it comes from. With `follow` it goes on until the signal aborts.
 */
export async function* readLogs(
  files: LogFiles,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer | string> {
  const { source, since, tail, follow } = request;
  if (source === "all") return yield* bothLogs(files, request, signal);
  const path = source === "console" ? files.console : files.agent;
  if (!(await appears(path, follow, signal))) return;
  const start =
    source === "console"
      ? offsetAt(await readMarks(files.marks), since ?? 0)
      : await agentOffset(path, since);
  yield* pieces(path, Math.max(start, await tailOffset(path, tail)), follow, signal);
}

async function* bothLogs(
  files: LogFiles,
  { since = 0, tail, follow }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const marks = await readMarks(files.marks);
  const start = offsetAt(marks, since);
  const [console, agent] = await Promise.all([
    contentFrom(files.console, start),
    contentFrom(files.agent, 0),
  ]);
  const entries = [...consoleEntries(console, start, marks), ...agentEntries(agent)]
    .filter(({ time }) => time >= since)
    .sort((a, b) => a.time - b.time);
  const shown = tail === undefined ? entries : entries.slice(entries.length - Math.min(tail, entries.length));
  for (const { time, from, line } of shown) yield entryLine(new Date(time).toISOString(), from, line);
  if (!follow) return;
  const ends = { console: start + console.length, agent: agent.length };
  const sources = (["console", "agent"] as const).map((from) => ({
    from,
    lines: added(files[from], ends[from], signal),
  }));
  for await (const { from, line } of merged(sources)) {
    const [time, text] = from === "agent" ? split(line) : [new Date().toISOString(), line];
    yield entryLine(time, from, text);
  }
}

async function* added(path: string, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (await appears(path, true, signal)) yield* followFile(path, signal, from);
}

interface Entry {
  time: number;
  from: "console" | "agent";
  line: string;
}

/** A line is as old as its last byte. One that no mark covers yet is new. */
function consoleEntries(content: Buffer, start: number, marks: readonly Mark[]): Entry[] {
  let offset = start;
  const newest = Math.max(Date.now(), marks.at(-1)?.time ?? 0);
  return linesOf(content).map((bytes) => {
    offset += bytes.length;
    return { time: timeOf(marks, offset) ?? newest, from: "console", line: bytes.toString() };
  });
}

function agentEntries(content: Buffer): Entry[] {
  return linesOf(content).flatMap((bytes) => {
    const [time, line] = split(bytes.toString());
    const moment = Date.parse(time);
    return Number.isNaN(moment) ? [] : [{ time: moment, from: "agent" as const, line }];
  });
}

function split(line: string): [time: string, text: string] {
  const space = line.indexOf(" ");
  return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
}

function entryLine(time: string, from: string, line: string): string {
  return `${time} ${from.padEnd("console".length)} ${line.replaceAll(/[\r\n]+/g, "")}\n`;
}

function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < content.length; ) {
    const end = content.indexOf(newline, from);
    const to = end === -1 ? content.length : end + 1;
    lines.push(content.subarray(from, to));
    from = to;
  }
  return lines;
}

async function* pieces(
  path: string,
  start: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (follow) return yield* followFile(path, signal, start);
  const file = await open(path, "r");
  try {
    for (let at = start; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(piece), 0, piece, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Where the last lines that are asked for begin. */
async function tailOffset(path: string, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0;
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (lines === 0) return size;
    let left = lines;
    for (let end = size; end > 0; ) {
      const length = Math.min(piece, end);
      const { buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, end - length);
      for (let at = length - 1; at >= 0; at -= 1) {
        // The end of the last line begins no other.
        if (buffer[at] !== newline || end - length + at === size - 1) continue;
        left -= 1;
        if (left === 0) return end - length + at + 1;
      }
      end -= length;
    }
    return 0;
  } finally {
    await file.close();
  }
}

/** Where in the agent's log the first line begins that is not older. */
async function agentOffset(path: string, since: number | undefined): Promise<number> {
  if (since === undefined) return 0;
  const content = await contentFrom(path, 0);
  let offset = 0;
  for (const line of linesOf(content)) {
    if (Date.parse(split(line.toString())[0]) >= since) return offset;
    offset += line.length;
  }
  return offset;
}

/** Logs are bounded, and so is this. */
async function contentFrom(path: string, start: number): Promise<Buffer> {
  try {
    return (await readFile(path)).subarray(start);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** Whether the file is there; who follows waits for it, as for a machine that has not been started yet. */
async function appears(path: string, follow: boolean, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await (await open(path, "r")).close();
      return true;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      if (!follow) return false;
    }
    await sleep(patience, signal).catch(() => undefined);
  }
  return false;
}
