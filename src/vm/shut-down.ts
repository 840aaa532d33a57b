import type { Context } from "../lib/context.ts";
import { within } from "../lib/deadline.ts";
import { fault, isFault, messageOf } from "../lib/errors/error.ts";
import type { MachineEnd } from "../vmm/driver.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { Deadlines } from "./parts.ts";
import type { Agent } from "./ports.ts";

/** Milliseconds that a machine whose channel broke has to end before that counts as a failure. */
const lastBreath = 1000;

/** After so many refusals without a single consent the guest is taken at its word. */
const mostRefusals = 3;

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
    const asked = await attempt(context, `${name} does not shut down`, () =>
      askUntilEnd(live, timeout, deadlines, signal),
    );
    if (asked) return asked;
  }
  return await attempt(context, `${name} does not power off`, async () => {
    const present = await Promise.race([live.agent(deadlines.agent, signal), ended]);
    if ("kind" in present) return present;
    const order = orEnd(ended, present.shutdown("now", signal));
    return await within(
      "the power-off",
      deadlines.powerOff,
      order.then(() => ended),
      signal,
    );
  });
}

/**
 * Asks the guest's init to power off, again and again: one that has only just begun loses what it is told, and a guest that
 * restarts instead has to be told anew.
 */
async function askUntilEnd(
  live: LiveMachine,
  timeout: number,
  deadlines: Deadlines,
  signal: AbortSignal,
): Promise<MachineEnd> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const { ended } = live.machine;
  const asking = (async () => {
    let refusals = 0;
    for (;;) {
      const agent = await Promise.race([live.agent(timeout, stop), ended]);
      if ("kind" in agent) return agent;
      refusals = await ask(agent, refusals, stop);
      const end = await within("the end", deadlines.askAgain, ended, stop).catch(() => undefined);
      if (end) return end;
      stop.throwIfAborted();
    }
  })();
  try {
    return await within("the shutdown", timeout, asking, signal);
  } finally {
    over.abort();
    asking.catch(() => undefined);
  }
}

/**
 * Returns how often in a row the guest has refused, and throws the refusal when it never does anything else. An init that is
 * going down already refuses, too.
 */
async function ask(agent: Agent, refusals: number, signal: AbortSignal): Promise<number> {
  try {
    await agent.shutdown("ask", signal);
    return Number.NEGATIVE_INFINITY;
  } catch (error) {
    if (!isFault(error, "channel_closed", "guest_refused") || refusals + 1 >= mostRefusals) throw error;
    return refusals + 1;
  }
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
