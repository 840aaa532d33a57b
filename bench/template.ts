import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectAgent } from "../src/guest/connect.ts";
import { sleep } from "../src/lib/deadline.ts";
import type { Template } from "../src/model/template.ts";
import type { Vm } from "../src/model/vm.ts";
import { loadInherited } from "../src/vmm/qemu/migration.ts";
import { writeOverlay } from "../src/vmm/qemu/qcow2.ts";
import { QmpClient } from "../src/vmm/qemu/qmp/client.ts";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image } from "./support/host.ts";

const shape = ["--image", image, "--memory", "512M", "--vcpu", "1"];

/** `vm run --rm -- true` as a copy, against QEMU alone that restores the same template and has the agent run the same. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "30" } } });
  await using host = new BenchHost({ templates: "auto" });
  await host.ok(["template", "build", "--quiet", ...shape]);
  const bare = await bareMachine(host);
  try {
    const timing: Vm["timing"][] = [];
    const times = await interleaved(Number(values.rounds), {
      bare: () => bareRun(bare),
      banger: () => host.time(["vm", "run", "--rm", "--quiet", ...shape, "--", "true"]),
      engine: () => engineRun(host, timing),
    });
    report("QEMU alone: restore, and one command", times.bare, "ms");
    report("vm run --rm -- true", times.banger, "ms");
    report("of which the engine: create, and one command", times.engine, "ms");
    for (const phase of timing[0]?.map((entry) => entry.phase) ?? []) {
      const of = timing.map((entries) => entries?.find((entry) => entry.phase === phase)?.ms ?? 0);
      report(`  of which ${phase}`, of.slice(1), "ms");
    }
    report("vm run / QEMU alone", ratios(times.banger, times.bare), "times", 2.5);
    report("engine / QEMU alone", ratios(times.engine, times.bare), "times", 1.5);
  } finally {
    rmSync(bare.directory, { recursive: true, force: true });
  }
}

interface Bare {
  directory: string;
  args: string[];
  state: string;
  disk: string;
}

/** The arguments are those of a real copy, with other sockets and another disk. */
async function bareMachine(host: BenchHost): Promise<Bare> {
  const vm = JSON.parse(await host.ok(["vm", "create", "--json", ...shape])) as Vm;
  const [template] = JSON.parse(await host.ok(["template", "list", "--json"])) as Template[];
  const { pid } = await host.sdk.vms.show(vm.name);
  const directory = mkdtempSync(join(tmpdir(), "bq-"));
  const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  const own = [host.vmDirectory(vm.id), host.runDirectory(vm.id)];
  await host.ok(["vm", "delete", vm.name]);
  const moved = args.map((arg) => own.reduce((text, path) => text.replaceAll(path, directory), arg));
  const kept = join(host.images, "..", "templates", template?.id ?? "");
  return { directory, args: moved, state: join(kept, "state"), disk: join(kept, "disk.qcow2") };
}

async function bareRun({ directory, args, state, disk }: Bare): Promise<number> {
  const overlay = join(directory, "disk.qcow2");
  rmSync(overlay, { force: true });
  const began = performance.now();
  await writeOverlay(overlay, 8 * 2 ** 30, { path: disk, format: "qcow2" });
  const descriptor = openSync(state, "r");
  const [program = "", ...rest] = args;
  const qemu = spawn(program, rest, { stdio: ["ignore", "ignore", "ignore", descriptor] });
  closeSync(descriptor);
  const signal = AbortSignal.timeout(60_000);
  try {
    using monitor = await connected(join(directory, "monitor.sock"), signal);
    await loadInherited(monitor, signal);
    const socket = join(directory, "agent.sock");
    const agent = await connectAgent({ socket, vm: "bare", deadline: 60_000, signal });
    const command = await agent.exec({ args: ["true"] }, signal);
    command.stdout.resume();
    command.stderr.resume();
    await command.exited;
    const elapsed = performance.now() - began;
    await agent.close();
    return elapsed;
  } finally {
    const ended = once(qemu, "exit");
    qemu.kill("SIGKILL");
    await ended;
  }
}

async function connected(socket: string, signal: AbortSignal): Promise<QmpClient> {
  for (;;) {
    try {
      return await QmpClient.connect(socket, { timeout: 5000, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      await sleep(2, signal);
    }
  }
}

/** From the request to the command's end, as a program with a connection has it. */
async function engineRun(host: BenchHost, timing: Vm["timing"][]): Promise<number> {
  const { vms } = host.sdk;
  const began = performance.now();
  const request = { image, memory: 512 * 2 ** 20, vcpu: 1, ephemeral: true };
  const vm = await vms.create(request);
  const command = await vms.exec(vm.id, { args: ["true"] });
  await command.exited;
  const elapsed = performance.now() - began;
  timing.push(vm.timing);
  await vms.delete(vm.id).catch(() => undefined);
  return elapsed;
}

await main();
