import { messageOf } from "../lib/errors/error.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";

/** Milliseconds that a guest's clock may be off. What keeps time inside the guest slews less than this away by itself. */
export const clockTolerance = 500;
/** A guest that cannot be set in this many attempts has its processor taken away all the time. */
const attempts = 5;

/**
 * Sets a guest's clock where it is surely off: the answer's way takes its time on a busy host, and may not be taken for an
 * offset. Returns by how many milliseconds the clock was behind at first, 0 when it was left alone.
 *
 * @throws what the agent throws
 */
export async function setClock(
  agent: Pick<Agent, "compareClock">,
  signal: AbortSignal,
  now: () => number = () => performance.now(),
): Promise<number> {
  let first = 0;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const asked = now();
    const offset = await agent.compareClock({ set: false }, signal);
    // It was read some time between the question and now.
    const latest = offset + now() - asked;
    if (offset <= clockTolerance && latest >= -clockTolerance) return first;
    if (attempt === 0) first = offset;
    await agent.compareClock({ set: true }, signal);
  }
  return first;
}

/** The same for work that nobody waits for: tells the log, and never rejects. */
export async function keepTime(
  agent: Agent,
  name: string,
  log: VmParts["log"],
  signal: AbortSignal,
): Promise<void> {
  try {
    const offset = await setClock(agent, signal);
    if (offset !== 0) log("set the guest's clock", { vm: name, behind: `${Math.round(offset)} ms` });
  } catch (error) {
    if (!signal.aborted) log("the guest's clock was not set", { vm: name, error: messageOf(error) });
  }
}
