import { fault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { Job } from "../../../model/job.ts";
import { jobSignals } from "../../../model/signals.ts";
import { parseJobId } from "../../args/job-id.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { type Column, table, terminalWidth } from "../../output/table.ts";
import { ago } from "../../output/time.ts";
import type { vmJobs } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

const columns: readonly Column[] = [
  { title: "ID", align: "right" },
  { title: "STATE", shrinks: true },
  { title: "STARTED", shrinks: true },
  { title: "OUTPUT", align: "right" },
  { title: "COMMAND", shrinks: true },
];

export async function run({ flags, positionals }: Invocation<typeof vmJobs>, world: World): Promise<number> {
  const [ref = ""] = positionals;
  const signal = signalOf(flags.signal);
  if (flags.signal !== undefined && flags.kill.length === 0) {
    throw fault("bad_usage", { problem: "--signal is for --kill", command: "vm jobs" });
  }
  const ids = flags.kill.map(parseJobId);
  const { vms } = world.connect();
  for (const id of ids) await vms.killJob(ref, id, signal);
  if (ids.length > 0 && !flags.json) return 0;
  const jobs = await vms.jobs(ref);
  if (flags.json) printJson(world.stdout, jobs);
  else world.stdout.write(jobTable(jobs, world));
  return 0;
}

function signalOf(text = "TERM"): string {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if ((jobSignals as readonly string[]).includes(name)) return name;
  throw fault("invalid_value", { what: "--signal", value: text, expected: jobSignals.join(", ") });
}

function jobTable(jobs: readonly Job[], world: World): string {
  const rows = jobs.map((job) => [
    String(job.id),
    stateOf(job),
    ago(job.startedAt, world.now()),
    formatSize(job.output),
    job.command,
  ]);
  return table(columns, rows, terminalWidth(world.stdout));
}

function stateOf({ state, code, signal, timedOut }: Job): string {
  if (state === "running") return "running";
  if (timedOut) return "timed out";
  return signal === undefined ? `exited ${code}` : `killed by ${signal}`;
}
