import type { Vm } from "../model/vm.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import { readRuntime } from "./runtime.ts";

/** A machine as the API shows it. */
export function viewOf(record: VmRecord, diskUsed: number | undefined): Vm {
  const { machine } = readRuntime(record) ?? {};
  const vm: Vm = {
    id: record.id,
    name: record.name,
    state: record.state,
    image: { ...record.image },
    kernel: record.kernel,
    spec: record.spec,
    driver: record.driver,
    ephemeral: record.ephemeral,
    createdAt: record.createdAt,
  };
  if (record.reason !== undefined) vm.reason = record.reason;
  if (record.pending !== undefined) vm.pending = record.pending;
  if (record.startedAt !== undefined) vm.startedAt = record.startedAt;
  if (record.timing !== undefined) vm.timing = record.timing;
  if (record.origin !== undefined) vm.origin = record.origin;
  if (diskUsed !== undefined) vm.diskUsed = diskUsed;
  if (machine) {
    vm.accelerator = machine.accelerator;
    vm.pid = machine.process.pid;
  }
  return vm;
}
