import type { Context } from "../lib/context.ts";
import { within } from "../lib/deadline.ts";
import { fault, isFault, messageOf } from "../lib/errors/error.ts";
import type { MachineEnd } from "../vmm/driver.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { Deadlines } from "./parts.ts";
import type { Agent } from "./ports.ts";

/** Milliseconds that a machine whose channel broke has to end before that counts as a failure. */
const lastBreath = 1000;

/**
 * Ends a machine as gently as it lets us: its data on the disk, then its init, then a power-off without its init, then its
 * process. Each time that something gentler did not work is reported as a note. A guest that hangs delays the end, but
 * never prevents it.
 *
 * @throws interrupted, with the machine as far as it has come
 */
export async function shutDown(
  live: LiveMachine,
  name: string,
  timeout: number,
  deadlines: Deadlines,
  context: Context,
): Promise<MachineEnd> {
  const agent = await attempt(context, `no agent answers in ${name}`, () =>
    live.agent(deadlines.agent, context.signal),
  );
  if (agent) {
    const ended = await askToEnd(live, agent, name, timeout, deadlines, context);
    if (ended) return ended;
  }
  note(context, `ending the process of ${name}`);
  return await live.machine.quit();
}

async function askToEnd(
  live: LiveMachine,
  agent: Agent,
  name: string,
  timeout: number,
  deadlines: Deadlines,
  context: Context,
): Promise<MachineEnd | undefined> {
  const { signal } = context;
  const { ended } = live.machine;
  await attempt(context, `${name} did not write its data to its disk`, () =>
    orEnd(ended, within("sync", deadlines.sync, agent.sync(signal), signal)),
  );
  if (timeout > 0) {
    const asked = await attempt(context, `${name} does not shut down`, async () => {
      await orEnd(ended, within("the order", deadlines.agent, agent.shutdown("ask", signal), signal));
      return await within("the shutdown", timeout, ended, signal);
    });
    if (asked) return asked;
  }
  return await attempt(context, `${name} does not power off`, async () => {
    await orEnd(ended, within("the order", deadlines.agent, agent.shutdown("now", signal), signal));
    return await within("the power-off", deadlines.powerOff, ended, signal);
  });
}

/** An order whose answer is cut off because the machine ends was obeyed. */
async function orEnd(ended: Promise<MachineEnd>, order: Promise<void>): Promise<void> {
  try {
    await order;
  } catch (error) {
    if (!isFault(error, "channel_closed")) throw error;
    await within("the end", lastBreath, ended).catch(() => {
      throw error;
    });
  }
}

/** What did not work is noted, and the caller goes on; only a cancel ends it all. */
async function attempt<T>(context: Context, failure: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (context.signal.aborted) throw fault("interrupted", { what: "stopping" }, error);
    note(context, `${failure}: ${messageOf(error)}`);
    return undefined;
  }
}

function note(context: Context, message: string): void {
  context.report({ stage: "vm.stop", state: "note", message });
}
