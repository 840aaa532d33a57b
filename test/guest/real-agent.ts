import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { Agent } from "../../src/guest/agent.ts";
import { connectAgent } from "../../src/guest/connect.ts";
import { packageRoot } from "../../src/lib/paths.ts";
import { never } from "./agent-double.ts";

export interface RealAgent extends AsyncDisposable {
  agent: Agent;
  /** Process id of the agent on this host. */
  pid: number;
}

/** Why there is no real agent to test against, which is when no compiler is there; else false. */
export function noRealAgent(): string | false {
  const build = spawnSync("sh", [join(packageRoot(), "guest-agent", "build.sh")], { encoding: "utf8" });
  if (build.status === 0) return false;
  if (/no C compiler/.test(build.stderr)) return "no C compiler here";
  return assert.fail(`the agent does not build: ${build.stderr}`);
}

/** The agent itself as an ordinary process of this host, serving over a socket pair. */
export async function realAgent(): Promise<RealAgent> {
  const child = spawn(join(packageRoot(), "build", "banger-agent"), ["--serve-fd", "3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const duplex = child.stdio[3];
  assert(duplex instanceof Duplex && child.pid !== undefined);
  const exited = once(child, "exit");
  const agent = await connectAgent({ duplex, vm: "host", deadline: 10_000, signal: never });
  return {
    agent,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await agent.close();
      child.kill("SIGKILL");
      await exited;
    },
  };
}
