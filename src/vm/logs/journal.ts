import type { VmParts } from "../parts.ts";
import { BoundedLog } from "./bounded-log.ts";
import { ConsoleTimes } from "./console-times.ts";
import type { LogFiles } from "./read.ts";

/** Keeps what a running machine says: its agent's lines, and when its console grew. `close` it with the machine. */
export class MachineJournal {
  readonly #agent: BoundedLog;
  readonly #console: ConsoleTimes;

  constructor(files: LogFiles, log: VmParts["log"]) {
    this.#agent = new BoundedLog(files.agent, log);
    this.#console = new ConsoleTimes(files.console, files.marks);
  }

  /** A line of the agent's. */
  say(line: string): void {
    this.#agent.add(line);
  }

  /** What the daemon has to say of the channel. */
  note(line: string): void {
    this.#agent.add(`daemon: ${line}`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.flushed(), this.#console.close()]);
  }
}
