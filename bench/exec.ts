import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Agent } from "../src/guest/agent.ts";
import { never } from "../test/guest/agent-double.ts";
import { noRealAgent, realAgent } from "../test/guest/real-agent.ts";

/** The engine's part of `vm exec`: round trips and throughput against the agent as a process of this host. */
async function main(): Promise<void> {
  const missing = noRealAgent();
  if (missing) {
    console.log(`skipped: ${missing}`);
    return;
  }
  await using real = await realAgent();
  await warm(real.agent);
  report("ping", await repeat(2000, () => real.agent.ping(never)));
  const cpu = process.cpuUsage();
  report("exec of true, one by one", await repeat(300, () => runTrue(real.agent)));
  const { user, system } = process.cpuUsage(cpu);
  console.log(`of which the host computes: ${((user + system) / 300 / 1000).toFixed(3)} ms`);
  await concurrent(real.agent, 200);
  await throughput(real.agent, 256);
}

async function warm(agent: Agent): Promise<void> {
  for (let i = 0; i < 20; i += 1) await runTrue(agent);
}

async function runTrue(agent: Agent): Promise<void> {
  const command = await agent.exec({ args: ["/bin/true"] }, never);
  command.stdin.end();
  command.stdout.resume();
  command.stderr.resume();
  await command.exited;
}

/** Milliseconds of each round. */
async function repeat(rounds: number, work: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times;
}

async function concurrent(agent: Agent, count: number): Promise<void> {
  const began = performance.now();
  await Promise.all(Array.from({ length: count }, () => runTrue(agent)));
  const elapsed = performance.now() - began;
  console.log(`${count} at once: ${elapsed.toFixed(0)} ms, ${(elapsed / count).toFixed(2)} ms each`);
}

async function throughput(agent: Agent, megabytes: number): Promise<void> {
  const block = Buffer.alloc(65_536, "0123456789abcdef");
  const bytes = megabytes * 1024 * 1024;
  const source = function* (): Generator<Buffer> {
    for (let sent = 0; sent < bytes; sent += block.length) yield block;
  };
  const rate = (began: number): string =>
    `${(bytes / 1e6 / ((performance.now() - began) / 1000)).toFixed(0)} MB/s`;

  const out = await agent.exec({ args: ["head", "-c", String(bytes), "/dev/zero"] }, never);
  let began = performance.now();
  for await (const chunk of out.stdout) void chunk;
  console.log(`out of the guest: ${rate(began)}`);

  const into = await agent.exec({ args: ["sh", "-c", "cat > /dev/null"] }, never);
  into.stdout.resume();
  began = performance.now();
  await pipeline(Readable.from(source(), { objectMode: false }), into.stdin);
  await into.exited;
  console.log(`into the guest: ${rate(began)}`);

  const both = await agent.exec({ args: ["cat"] }, never);
  const hash = createHash("sha256");
  began = performance.now();
  await Promise.all([
    pipeline(Readable.from(source(), { objectMode: false }), both.stdin),
    pipeline(both.stdout, hash),
  ]);
  console.log(`through cat, hashed: ${rate(began)} each way`);
}

function report(name: string, times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3);
  console.log(`${name}: median ${at(0.5)} ms, 90 % ${at(0.9)} ms`);
}

await main();
