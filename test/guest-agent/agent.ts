import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { Peer } from "./peer.ts";

const root = resolve(import.meta.dirname, "../..");

let binary: string | undefined;

/** The agent's binary: with sanitizers where the compiler has them. */
export function agentBinary(): string {
  if (binary !== undefined) return binary;
  const script = join(root, "guest-agent/build.sh");
  try {
    execFileSync(script, ["--sanitize"], { stdio: "pipe" });
    const built = join(root, "build/banger-agent-asan");
    execFileSync(built, ["--version"], { stdio: "pipe" });
    binary = built;
  } catch {
    execFileSync(script, { stdio: "pipe" });
    binary = join(root, "build/banger-agent");
  }
  return binary;
}

/** A host with an agent on the other end of a socket pair. */
export class Agent extends Peer {
  readonly process: ChildProcess;
  #stderr = "";

  constructor(args: string[] = []) {
    const child = spawn(agentBinary(), ["--serve-fd", "3", ...args], {
      stdio: ["ignore", "inherit", "pipe", "pipe"],
      env: { PATH: process.env.PATH, ASAN_OPTIONS: "detect_leaks=1" },
    });
    super(child.stdio[3] as unknown as Duplex);
    this.process = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
  }

  /** Hangs up and checks that the agent ended well, with nothing for the sanitizers to say. */
  async close(): Promise<void> {
    const exited = this.process.exitCode === null ? once(this.process, "exit") : undefined;
    this.hangUp();
    await exited;
    assert.equal(this.#stderr, "");
    assert.deepEqual([this.process.exitCode, this.process.signalCode], [0, null]);
  }

  /** The pids of its children, zombies included. */
  children(): string[] {
    const pid = String(this.process.pid);
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter((child) => child !== "");
  }
}

/** An agent with a session, that ends with the test. */
export async function connect(t: TestContext, args: string[] = []): Promise<Agent> {
  const agent = new Agent(args);
  t.after(() => agent.close());
  await agent.hello();
  return agent;
}
