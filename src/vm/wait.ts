import { text } from "node:stream/consumers";
import type { Context } from "../lib/context.ts";
import { sleep } from "../lib/deadline.ts";
import { type BangerError, fault, isFault } from "../lib/errors/error.ts";
import { readWaitTarget } from "../model/wait-target.ts";
import { isListening } from "./listening.ts";
import type { LiveMachine } from "./live-machine.ts";
import type { Agent } from "./ports.ts";

/** Milliseconds between two looks at what nobody tells of. */
const interval = 250;
/** For the agent to be there; then it is asked for again. */
const patience = 60_000;

export interface Waiting {
  readonly name: string;
  readonly live: LiveMachine;
  /** As `readWaitTarget` takes them. */
  readonly targets: readonly string[];
  /** Milliseconds; absent: as long as it takes. */
  readonly timeout?: number | undefined;
  /** The whole time that was given, for the error. */
  readonly asked?: number | undefined;
}

/**
 * Waits until everything that is asked for has come about.
 *
 * @throws wait_expired, vm_wrong_state when the machine ends before, invalid_value, interrupted
 */
export async function waitFor(
  { name, live, targets, timeout, asked = timeout }: Waiting,
  context: Context,
): Promise<void> {
  const open = new Set(targets);
  const giveUp = new AbortController();
  const stop = (error: BangerError): void => giveUp.abort(error);
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => stop(expired(name, [...open], asked ?? timeout)), timeout);
  void live.machine.ended.then(() => {
    if ([...open].some((target) => target !== "exit")) stop(endedBefore(name));
  });
  const signal = AbortSignal.any([context.signal, giveUp.signal]);
  const reaching = targets.map(async (target) => {
    await reach(live, target, { ...context, signal });
    open.delete(target);
  });
  try {
    await Promise.all(reaching);
  } catch (error) {
    if (context.signal.aborted) throw fault("interrupted", { what: `waiting for vm ${name}` }, error);
    throw giveUp.signal.aborted ? giveUp.signal.reason : error;
  } finally {
    clearTimeout(timer);
    giveUp.abort();
    await Promise.allSettled(reaching);
  }
}

function expired(vm: string, targets: string[], timeout: number): BangerError {
  return fault("wait_expired", { vm, targets, seconds: timeout / 1000 });
}

function endedBefore(name: string): BangerError {
  return fault("vm_wrong_state", { name, state: "stopped", wanted: "running", action: "wait for it" });
}

async function reach(live: LiveMachine, text: string, context: Context): Promise<void> {
  const target = readWaitTarget(text);
  switch (target?.kind) {
    case "agent":
      return await untilTrue(live, context.signal, async () => true);
    case "system":
      return await untilTrue(live, context.signal, (agent) => systemIsUp(agent, context));
    case "port":
      return await untilTrue(live, context.signal, (agent) =>
        isListening(agent, target.port, context.signal),
      );
    case "exit":
      return await untilEnd(live, context.signal);
    default:
      throw fault("invalid_value", {
        what: "a target",
        value: text,
        expected: "agent, system, exit or port:N",
      });
  }
}

/** Asks again and again, also when the guest restarts in between. */
async function untilTrue(
  live: LiveMachine,
  signal: AbortSignal,
  look: (agent: Agent) => Promise<boolean>,
): Promise<void> {
  for (;;) {
    try {
      if (await look(await live.agent(patience, signal))) return;
    } catch (error) {
      if (signal.aborted || !isFault(error, "guest_unreachable", "channel_closed", "timed_out")) throw error;
    }
    await sleep(interval, signal);
  }
}

async function untilEnd(live: LiveMachine, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([live.machine.ended, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Whether the guest's init has started what it starts. Only systemd can be asked; under any other init the agent, which comes after
 * it, is all that there is to wait for.
 */
async function systemIsUp(agent: Agent, { signal, report }: Context): Promise<boolean> {
  const { init } = await agent.info(signal);
  if (init !== "systemd") return true;
  const args = ["systemctl", "is-system-running", "--wait"];
  const process = await agent.exec({ args, user: "root", cwd: "/" }, signal);
  const leave = (): void => process.reset();
  signal.addEventListener("abort", leave, { once: true });
  try {
    process.stdin.end();
    process.stderr.resume();
    const [state] = await Promise.all([text(process.stdout), process.exited]);
    if (state.trim() === "degraded") {
      report({
        stage: "vm.wait",
        state: "note",
        message: "some of its services have failed: systemctl --failed",
      });
    }
    return ["running", "degraded", "maintenance"].includes(state.trim());
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
