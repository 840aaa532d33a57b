import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectAgent } from "../src/guest/connect.ts";
import { differences, interleaved, report } from "./support/figures.ts";
import { BenchHost, image, node, timeOf } from "./support/host.ts";

const name = "bench-exec";
const never = new AbortController().signal;

/** `vm exec NAME -- true` in a machine whose system is up: all of it, and who takes how much of it. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
  const rounds = Number(values.rounds);
  await using host = new BenchHost();
  await host.ok(["vm", "create", "--image", image, "--name", name]);
  await systemUp(host);
  const banger = host.sdk;
  const inGuest = await withinGuest(host);
  const times = await interleaved(rounds, {
    node: () => timeOf(node, ["-e", "0"]),
    command: () => host.time(["vm", "exec", name, "--", "true"]),
    daemon: () => timed(() => viaDaemon(banger)),
  });
  report("node -e 0", times.node, "ms");
  report("banger vm exec NAME -- true", times.command, "ms");
  report("more than node -e 0", differences(times.command, times.node), "ms", 60);
  report("from connecting to the daemon to the exit", times.daemon, "ms", 15);
  report("a shell in the guest starting the same program", [inGuest], "ms");
  report(
    "more than that, daemon and agent",
    times.daemon.map((time) => time - inGuest),
    "ms",
    15,
  );
  await straightToAgent(host, rounds);
}

/** What the program costs by itself, in milliseconds: under software emulation that is most of it. */
async function withinGuest(host: BenchHost): Promise<number> {
  const count = 200;
  const loop = `i=0; while [ $i -lt ${count} ]; do /usr/bin/true; i=$((i+1)); done`;
  const script = `a=$(date +%s%N); ${loop}; b=$(date +%s%N); echo $((b-a))`;
  const nanoseconds = Number(await host.ok(["vm", "exec", name, "--", "sh", "-c", script]));
  return nanoseconds / count / 1e6;
}

/** Whatever it says: a unit that failed is not what is measured. */
async function systemUp(host: BenchHost): Promise<void> {
  const wait =
    "timeout 240 systemctl is-system-running --wait >/dev/null 2>&1; systemctl is-system-running || true";
  for (;;) {
    const state = (await host.ok(["vm", "exec", name, "--", "sh", "-c", wait])).trim();
    if (/running|degraded/.test(state)) return;
  }
}

async function viaDaemon(banger: BenchHost["sdk"]): Promise<void> {
  const process = await banger.vms.exec(name, { args: ["true"] });
  process.stdin.end();
  process.stdout.resume();
  process.stderr.resume();
  await process.exited;
}

/** Without the daemon, which lets go of the channel when it ends. */
async function straightToAgent(host: BenchHost, rounds: number): Promise<void> {
  const { id } = await host.sdk.vms.show(name);
  await host.ok(["daemon", "stop"]);
  try {
    const socket = join(host.runDirectory(id), "agent.sock");
    const agent = await connectAgent({ socket, vm: name, deadline: 20_000, signal: never });
    const run = async (program: string): Promise<void> => {
      const command = await agent.exec({ args: [program] }, never);
      command.stdin.end();
      command.stdout.resume();
      command.stderr.resume();
      await command.exited;
    };
    const times = await interleaved(rounds, {
      ping: () => timed(() => agent.ping(never)),
      missing: () => timed(() => run("/missing").catch(() => undefined)),
      exec: () => timed(() => run("true")),
    });
    report("of which a round trip to the guest", times.ping, "ms");
    report("of which a fork in the guest", differences(times.missing, times.ping), "ms");
    report("of which the program itself", differences(times.exec, times.missing), "ms");
    await agent.close();
  } finally {
    await host.ok(["vm", "list"]);
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

await main();
