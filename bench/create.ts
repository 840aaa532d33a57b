import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectAgent } from "../src/guest/connect.ts";
import type { Vm } from "../src/model/vm.ts";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image } from "./support/host.ts";

/**
 * From nothing to the first byte of a first command, against QEMU alone with the same arguments on a disk of the same
 * image, from its start to the agent's hello.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
  await using host = new BenchHost();
  const bare = await bareMachine(host);
  try {
    const timing: Vm["timing"][] = [];
    const times = await interleaved(Number(values.rounds), {
      bare: () => bareBoot(bare),
      banger: () => firstCommand(host, timing),
    });
    report("QEMU alone, to the agent's hello", times.bare, "ms");
    report("vm run, to the first command's first byte", times.banger, "ms");
    for (const phase of timing[0]?.map((entry) => entry.phase) ?? []) {
      const of = timing.map((entries) => entries?.find((entry) => entry.phase === phase)?.ms ?? 0);
      report(`  of which ${phase}`, of.slice(1), "ms");
    }
    report("vm run / QEMU alone", ratios(times.banger, times.bare), "times", 1.3);
  } finally {
    rmSync(bare.directory, { recursive: true, force: true });
  }
}

interface BareMachine {
  directory: string;
  rootfs: string;
  args: string[];
}

/** The arguments are those of a real machine, with other sockets and another disk. */
async function bareMachine(host: BenchHost): Promise<BareMachine> {
  const vm = JSON.parse(await host.ok(["vm", "create", "--json", "--image", image])) as Vm;
  const { pid } = await host.sdk.vms.show(vm.name);
  const directory = mkdtempSync(join(tmpdir(), "bq-"));
  const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  const own = [host.vmDirectory(vm.id), host.runDirectory(vm.id)];
  await host.ok(["vm", "delete", vm.name]);
  const moved = args.map((argument) =>
    own.reduce((text, path) => text.replaceAll(path, directory), argument),
  );
  return { directory, rootfs: join(host.images, vm.image.id, "rootfs.ext4"), args: moved };
}

async function bareBoot({ directory, rootfs, args }: BareMachine): Promise<number> {
  const layout = ["-o", "cluster_size=128k,extended_l2=on"];
  const disk = join(directory, "disk.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", ...layout, "-b", rootfs, "-F", "raw", disk, "8G"]);
  const [program = "", ...rest] = args;
  const began = performance.now();
  const qemu = spawn(program, rest, { stdio: "ignore" });
  try {
    const socket = join(directory, "agent.sock");
    const signal = AbortSignal.timeout(60_000);
    const agent = await connectAgent({ socket, vm: "bare", deadline: 60_000, signal });
    const elapsed = performance.now() - began;
    await agent.close();
    return elapsed;
  } finally {
    qemu.kill("SIGKILL");
    await ended(qemu);
  }
}

async function firstCommand(host: BenchHost, timing: Vm["timing"][]): Promise<number> {
  const name = "bench-first";
  const began = performance.now();
  const child = host.start(["vm", "run", "--image", image, "--name", name, "--", "echo", "here"]);
  assert(child.stdout && child.stderr);
  child.stderr.resume();
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  const elapsed = performance.now() - began;
  assert.equal(String(first), "here\n");
  await ended(child);
  timing.push((await host.sdk.vms.show(name)).timing);
  await host.ok(["vm", "delete", name]);
  return elapsed;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

await main();
