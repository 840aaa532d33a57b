import { open } from "node:fs/promises";
import { join } from "node:path";
import { fault, isFault } from "../../lib/errors/error.ts";
import { stream } from "../../lib/process.ts";

export interface ImageToolOptions {
  /** What is written, and what it is for, when that fails. */
  path: string;
  doing: string;
  /** Milliseconds. */
  timeout: number;
  signal: AbortSignal | undefined;
  /** Hears standard output as it comes. */
  onOutput?: (text: string) => void;
}

/** Runs qemu-img. @throws no_space, directory_not_writable, tool_missing, tool_failed, timed_out, interrupted */
export async function imageTool(args: readonly string[], options: ImageToolOptions): Promise<void> {
  const { path, doing, timeout, signal, onOutput = () => undefined } = options;
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  try {
    await stream("qemu-img", args, { signal, timeout, env }, async ({ stdin, stdout }) => {
      stdin.on("error", () => undefined);
      stdin.end();
      for await (const chunk of stdout as AsyncIterable<Buffer>) onOutput(chunk.toString("latin1"));
    });
  } catch (error) {
    if (!isFault(error, "tool_failed")) throw error;
    if (/No space left|quota exceeded/i.test(error.message)) throw fault("no_space", { path, doing }, error);
    const refused = /Permission denied|Read-only file system/.exec(error.message);
    if (!refused) throw error;
    const reason = refused[0].toLowerCase();
    throw fault("directory_not_writable", { path: join(path, ".."), reason }, error);
  }
}

/** Brings a file that another program has written to stable storage. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
