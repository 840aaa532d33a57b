import { createHash } from "node:crypto";
import { readFileSync, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { release } from "node:os";
import type { MachineSpec } from "../driver.ts";
import { findQemu } from "./binary.ts";
import { commandLine } from "./command-line.ts";

/**
 * The digest of what a snapshot of a machine depends on: this very QEMU, its arguments but for the places that differ from machine
 * to machine, the files it boots from, and under KVM the host's kernel and processor.
 *
 * @throws vmm_missing, unsupported_here, tool_failed, timed_out, interrupted; ENOENT when a file it boots from is gone
 */
export async function snapshotKey(spec: MachineSpec, signal?: AbortSignal): Promise<string> {
  const binary = await findQemu(signal);
  const { vmlinuz, initramfs } = spec.kernel;
  const fixed = spec.disks.filter(({ readOnly }) => readOnly).map(({ path }) => path);
  const files = await Promise.all([vmlinuz, initramfs, ...fixed].map(stamp));
  const hash = createHash("sha256").update(
    JSON.stringify([binary.stamp, commandLine(common(spec), places), files]),
  );
  if (spec.accelerator === "kvm") hash.update(JSON.stringify([release(), processor()]));
  return hash.digest("hex");
}

const places = { agent: "agent", monitor: "monitor" };

/** The machine without what has no bearing on its devices. */
function common(spec: MachineSpec): MachineSpec {
  return {
    ...spec,
    id: "",
    name: "",
    runDirectory: "",
    logDirectory: "",
    consoleLog: "",
    memoryFile: undefined,
    disks: spec.disks.map((disk) => (disk.readOnly ? disk : { ...disk, path: "" })),
    nic: spec.nic && { ...spec.nic, mac: "" },
  };
}

async function stamp(path: string): Promise<unknown[]> {
  const { size, mtimeMs, ino, dev }: Stats = await stat(path);
  return [path, size, mtimeMs, ino, dev];
}

/** What /proc/cpuinfo says of the first processor, but for what changes from moment to moment. */
function processor(): string[] {
  const [first = ""] = readFileSync("/proc/cpuinfo", "utf8").split("\n\n", 1);
  return first.split("\n").filter((line) => !/^(cpu MHz|bogomips)\b/.test(line));
}
