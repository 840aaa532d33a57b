import { readFile } from "node:fs/promises";
import { errnoOf } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { LogFormat } from "../../output/log-format.ts";
import { styleFor } from "../../output/style.ts";
import { write } from "../../output/write.ts";
import type { daemonLogs } from "../../specs/host.ts";
import type { World } from "../../world.ts";

type Flags = Invocation<typeof daemonLogs>["flags"];

/** Reads the file itself: it is there to tell why a daemon does not run. */
export async function run({ flags }: Invocation<typeof daemonLogs>, world: World): Promise<number> {
  const { log } = world.paths;
  const text = await readLog(log);
  const format = new LogFormat(styleFor(world.stdout, world.env));
  const show = (bytes: Buffer): string | Buffer => (flags.json ? bytes : format.push(bytes));
  await write(world.stdout, show(text.subarray(startOf(text, flags))));
  if (flags.follow) {
    const { followFile } = await import("../../../lib/follow-file.ts");
    const { signal } = world.interrupts;
    for await (const bytes of followFile(log, signal, text.length)) await write(world.stdout, show(bytes));
  }
  return world.interrupts.status ?? 0;
}

async function readLog(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** Where the last lines that were asked for begin. */
function startOf(text: Buffer, { lines }: Flags): number {
  if (lines === undefined) return 0;
  let at = text.length;
  for (let left = Math.max(0, lines); left > 0 && at > 0; left -= 1) at = text.lastIndexOf("\n", at - 2) + 1;
  return at;
}
