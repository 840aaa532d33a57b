import type { Traffic } from "../guest/connection.ts";
import { sleep, within } from "../lib/deadline.ts";
import { asFault, type BangerError, fault, isFault } from "../lib/errors/error.ts";
import type { Machine } from "../vmm/driver.ts";
import type { MachineJournal } from "./logs/journal.ts";
import type { Deadlines } from "./parts.ts";
import type { Agent, ConnectAgent } from "./ports.ts";

export interface LiveOptions {
  readonly name: string;
  readonly connect: ConnectAgent;
  /** Makes the guest ready for commands, from whatever phase its agent is in. */
  readonly bringUp: (agent: Agent, signal: AbortSignal) => Promise<void>;
  /** Puts the guest's clock right; never rejects. */
  readonly keepTime: (agent: Agent, signal: AbortSignal) => Promise<void>;
  /** Takes what the agent says, and what happens to the channel. */
  readonly journal: MachineJournal;
  readonly deadlines: Pick<Deadlines, "relink" | "pause">;
  readonly log: (message: string, details?: Record<string, unknown>) => void;
}

/**
 * A machine that runs, and the channel to its agent, which is made again whenever it breaks or the guest restarts. Owns both:
 * `close` lets go of the channel, `detach` of the machine as well.
 */
export class LiveMachine {
  readonly machine: Machine;
  readonly #options: LiveOptions;
  readonly #stop = new AbortController();
  readonly #kept: Promise<void>;
  #agent: Agent | undefined;
  /** Of connections that are gone. */
  #past: Traffic = { received: 0, sent: 0 };
  #ready = Promise.withResolvers<Agent>();
  /** Why there is no agent at present. */
  #failure: BangerError | undefined;
  #attempt = new AbortController();

  /** `agent` is one that is ready for commands already. */
  constructor(machine: Machine, options: LiveOptions, agent?: Agent) {
    this.machine = machine;
    this.#options = options;
    this.#ready.promise.catch(() => undefined);
    const unlisten = machine.onReset(() =>
      this.#attempt.abort(fault("channel_closed", { reason: "the guest restarted" })),
    );
    const unlistenResume = machine.onResume(() => this.keepTime());
    this.#kept = this.#keepLinked(agent).finally(() => {
      unlisten();
      unlistenResume();
    });
    void machine.ended.then((end) => this.#end(fault("channel_closed", { reason: end.reason })));
  }

  /**
   * The agent, ready for commands; waited for at most `ms` milliseconds.
   *
   * @throws guest_unreachable, guest_version, channel_closed when the machine ends, interrupted
   */
  async agent(ms: number, signal: AbortSignal): Promise<Agent> {
    if (this.#agent) return this.#agent;
    if (this.#failure?.code === "guest_version") throw this.#failure;
    try {
      return await within("the agent", ms, this.#ready.promise, signal);
    } catch (error) {
      if (!isFault(error, "timed_out")) throw error;
      const reason = this.#failure?.message ?? `no answer within ${ms / 1000} s`;
      throw fault("guest_unreachable", { vm: this.#options.name, reason }, this.#failure ?? error);
    }
  }

  /** The agent, if it is there just now. */
  get present(): Agent | undefined {
    return this.#agent;
  }

  /** Bytes that the channel has carried since this daemon watches over the machine; `sent` is what the guest sent. */
  get traffic(): Traffic {
    const { received = 0, sent = 0 } = this.#agent?.traffic ?? {};
    return { received: this.#past.received + received, sent: this.#past.sent + sent };
  }

  /** Puts the guest's clock right, when there is a guest to talk to; at the next link otherwise. */
  keepTime(): void {
    if (this.#agent) void this.#options.keepTime(this.#agent, this.#stop.signal);
  }

  /** Lets go of the channel. */
  async close(): Promise<void> {
    this.#end(fault("channel_closed", { reason: "the machine was let go" }));
    await this.#kept;
    await this.#options.journal.close();
  }

  /** Lets go of everything; the machine goes on. */
  async detach(): Promise<void> {
    await this.close();
    this.machine.detach();
  }

  #end(why: BangerError): void {
    this.#stop.abort(why);
    this.#ready.reject(why);
  }

  async #keepLinked(first: Agent | undefined): Promise<void> {
    let agent = first;
    while (!this.#stop.signal.aborted) {
      this.#attempt = new AbortController();
      const signal = AbortSignal.any([this.#stop.signal, this.#attempt.signal]);
      try {
        agent ??= await this.#link(signal);
        this.#publish(agent);
        this.#failure = await Promise.race([agent.closed, aborted(signal)]);
        this.#options.journal.note(`the channel is closed: ${this.#failure.message}`);
      } catch (error) {
        this.#failure = asFault(error);
        this.#options.log("no channel to the guest", {
          vm: this.#options.name,
          error: this.#failure.message,
        });
      }
      this.#withdraw();
      await agent?.close();
      agent = undefined;
      await this.#pause(signal);
    }
  }

  async #link(signal: AbortSignal): Promise<Agent> {
    const agent = await this.#options.connect({
      socket: this.machine.agentSocket,
      vm: this.#options.name,
      deadline: this.#options.deadlines.relink,
      signal,
      onLog: (line) => this.#options.journal.say(line),
    });
    try {
      await this.#options.bringUp(agent, signal);
      return agent;
    } catch (error) {
      await agent.close();
      throw error;
    }
  }

  #publish(agent: Agent): void {
    this.#agent = agent;
    this.#failure = undefined;
    this.#options.journal.note("the agent is ready");
    this.#ready.resolve(agent);
    this.keepTime();
  }

  #withdraw(): void {
    if (!this.#agent) return;
    this.#past = this.traffic;
    this.#agent = undefined;
    this.#ready = Promise.withResolvers();
    this.#ready.promise.catch(() => undefined);
    if (this.#stop.signal.aborted) this.#ready.reject(this.#stop.signal.reason);
  }

  /** Until the next attempt. Another protocol version does not come about by itself: only a restart brings it. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (this.#failure?.code === "guest_version") await aborted(signal);
    else await sleep(this.#options.deadlines.pause, signal).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<BangerError> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(asFault(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
