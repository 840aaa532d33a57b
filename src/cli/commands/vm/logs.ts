import type { LogOptions } from "../../../client/banger.ts";
import { durationOf } from "../../../lib/duration.ts";
import { fault, isFault } from "../../../lib/errors/error.ts";
import type { LogSource } from "../../../model/log-request.ts";
import type { Invocation } from "../../args/spec.ts";
import { write } from "../../output/write.ts";
import type { vmLogs } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

type Flags = Invocation<typeof vmLogs>["flags"];

export async function run({ flags, positionals }: Invocation<typeof vmLogs>, world: World): Promise<number> {
  const [ref = ""] = positionals;
  const options = logOptions(flags, world.now());
  const banger = world.connect();
  const { signal } = world.interrupts;
  try {
    for await (const chunk of banger.vms.logs(ref, { ...options, signal })) {
      await write(world.stdout, chunk);
    }
    return 0;
  } catch (error) {
    // Following has no other end.
    if (signal.aborted && isFault(error, "interrupted", "channel_closed"))
      return world.interrupts.status ?? 0;
    throw error;
  }
}

/** @throws bad_usage, invalid_value */
function logOptions(flags: Flags, now: number): LogOptions {
  const sources = (["console", "agent", "all"] as const).filter((source) => flags[source]);
  if (sources.length > 1) {
    throw fault("bad_usage", {
      problem: "--console, --agent and --all exclude each other",
      command: "vm logs",
    });
  }
  if (flags.tail !== undefined && flags.tail < 0) {
    throw fault("invalid_value", {
      what: "--tail",
      value: String(flags.tail),
      expected: "a number of lines",
    });
  }
  const source: LogSource = sources[0] ?? "console";
  return { source, follow: flags.follow, since: flags.since && moment(flags.since, now), tail: flags.tail };
}

/** A time that has passed since then, or a date. @throws invalid_value */
function moment(text: string, now: number): string {
  const ago = durationOf(text);
  const time = ago === undefined ? Date.parse(text) : now - ago;
  if (!Number.isNaN(time) && Math.abs(time) < 8.64e15) return new Date(time).toISOString();
  throw fault("invalid_value", {
    what: "--since",
    value: text,
    expected: "a time such as 10m or 2h, or a date such as 2026-01-31T08:00",
  });
}
