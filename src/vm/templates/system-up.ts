import { sleep } from "../../lib/deadline.ts";
import { fault, isFault } from "../../lib/errors/error.ts";
import type { Agent, GuestProcess } from "../ports.ts";

/** Milliseconds. */
const times = { patience: 240_000, retry: 500 };
const answerLimit = 200;

/**
 * Waits until a booted guest has started everything that its image starts: systemd says so. Without systemd nobody knows, and the
 * agent is all there is to wait for.
 *
 * @param settle milliseconds after that for what was started last
 * @throws template_failed when it does not come to that, and what the agent throws
 */
export async function systemUp(agent: Agent, settle: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + times.patience;
  let answer: string | undefined = "";
  while (performance.now() < deadline) {
    answer = await ask(agent, signal);
    if (answer === undefined || final.includes(answer)) {
      await sleep(settle, signal);
      return;
    }
    await sleep(times.retry, signal);
  }
  const state = answer === "" ? "silent" : answer;
  throw fault("template_failed", { reason: `its system is ${state} after ${times.patience / 1000} s` });
}

/** `degraded`: a unit of the image has failed, as it does in every machine of it. `offline`: systemd is there, but not PID 1. */
const final = ["running", "degraded", "offline"];

/** What systemd says; undefined when there is none. */
async function ask(agent: Agent, signal: AbortSignal): Promise<string | undefined> {
  let process: GuestProcess;
  try {
    process = await agent.exec({ args: ["systemctl", "is-system-running", "--wait"] }, signal);
  } catch (error) {
    if (isFault(error, "exec_failed")) return undefined;
    throw error;
  }
  const giveUp = (): void => process.reset();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    process.stdin.end();
    process.stderr.resume();
    let text = "";
    for await (const chunk of process.stdout) text = (text + String(chunk)).slice(0, answerLimit);
    await process.exited;
    return text.trim();
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
