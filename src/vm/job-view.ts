import type { GuestJob } from "../guest/jobs.ts";
import { signalName } from "../lib/signal-names.ts";
import type { Job } from "../model/job.ts";

/** The exit status of a command whose time ran out, as timeout(1) has it. */
const timedOutCode = 124;

/** A detached command as the API shows it. */
export function jobView({ id, pid, command, started, output, ended }: GuestJob): Job {
  const begin = { id, pid, command, startedAt: new Date(started).toISOString(), output };
  if (!ended) return { ...begin, state: "running" };
  return {
    ...begin,
    state: "ended",
    endedAt: new Date(ended.at).toISOString(),
    code: ended.timedOut ? timedOutCode : ended.code,
    ...(ended.signal === undefined ? {} : { signal: signalName(ended.signal) }),
    ...(ended.timedOut ? { timedOut: true } : {}),
  };
}
