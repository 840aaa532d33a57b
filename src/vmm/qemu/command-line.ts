import assert from "node:assert/strict";
import type { MachineDisk, MachineSnapshot, MachineSpec, UserNic } from "../driver.ts";
import { confinement, processorArguments } from "./processor.ts";

/** Name of the agent's port, as docs/agent-protocol.md has it. */
const agentPort = "banger.agent.0";
const mebibyte = 2 ** 20;

export interface Sockets {
  readonly agent: string;
  readonly monitor: string;
}

/**
 * QEMU's arguments for a machine, without the program's own name. With a snapshot it waits to be told where the state of its devices
 * comes from.
 */
export function commandLine(spec: MachineSpec, sockets: Sockets, snapshot?: MachineSnapshot): string[] {
  assert.equal(spec.memory % mebibyte, 0, "memory is whole MiB");
  return [
    ...["-name", `guest=${optionValue(spec.name)}`],
    ...confinement,
    ...processorArguments(spec.accelerator),
    ...["-smp", String(spec.vcpu)],
    ...["-m", `${spec.memory / mebibyte}M`],
    ...memory(spec, snapshot),
    ...["-kernel", spec.kernel.vmlinuz],
    ...["-initrd", spec.kernel.initramfs],
    ...["-append", spec.kernel.commandLine],
    ...monitor(sockets.monitor),
    ...serialConsole(spec.consoleLog),
    ...agentChannel(sockets.agent),
    ...randomSource,
    ...spec.disks.flatMap(disk),
    ...(spec.nic ? userNetwork(spec.nic) : []),
    ...endTrace,
    ...(snapshot ? ["-incoming", "defer"] : []),
  ];
}

/**
 * The guest's memory: anonymous, in a file that is being made, or a private view of one that is finished. Its name is part of
 * what QEMU saves, and therefore the same in all three.
 */
function memory(spec: MachineSpec, snapshot: MachineSnapshot | undefined): string[] {
  const path = snapshot ? snapshot.memory : spec.memoryFile;
  const place =
    path === undefined
      ? "memory-backend-ram,id=memory"
      : `memory-backend-file,id=memory,mem-path=${optionValue(path)},share=${snapshot ? "off" : "on"}`;
  return ["-object", `${place},size=${spec.memory}`, "-machine", "memory-backend=memory"];
}

/** The control socket, by which a machine that nobody's memory knows is recognised too (find.ts). */
function monitor(path: string): string[] {
  return ["-chardev", monitorOption(path), "-mon", "chardev=monitor,mode=control"];
}

export function monitorOption(path: string): string {
  return `socket,id=monitor,path=${optionValue(path)},server=on,wait=off`;
}

function serialConsole(log: string): string[] {
  return ["-chardev", `file,id=console,path=${optionValue(log)},append=on`, "-serial", "chardev:console"];
}

function agentChannel(path: string): string[] {
  return [
    ...["-device", "virtio-serial-pci,max_ports=2"],
    ...["-chardev", `socket,id=agent,path=${optionValue(path)},server=on,wait=off`],
    ...["-device", `virtserialport,chardev=agent,name=${agentPort}`],
  ];
}

const randomSource = ["-object", "rng-builtin,id=random", "-device", "virtio-rng-pci,rng=random"];

/**
 * A disk. The host's page cache is used, and the guest's flushes reach the host's disk (fdatasync), so what the guest was told
 * is written survives the death of QEMU and of the host. What the guest discards is given back to the host.
 */
function disk(of: MachineDisk, index: number): string[] {
  const node = diskNode(index);
  const file = {
    driver: "file",
    filename: of.path,
    discard: of.readOnly ? "ignore" : "unmap",
  };
  const block = {
    driver: of.format,
    "node-name": node,
    "read-only": of.readOnly,
    discard: of.readOnly ? "ignore" : "unmap",
    file,
  };
  return ["-blockdev", JSON.stringify(block), "-device", `virtio-blk-pci,drive=${node},serial=${of.serial}`];
}

/** Name of the `index`th disk of a spec on the control socket. */
export function diskNode(index: number): string {
  return `disk${index}`;
}

/** QEMU's own network stack, as an ordinary user. No boot ROM for the card: there is nothing to boot from it. */
function userNetwork(nic: UserNic): string[] {
  return [
    ...["-netdev", "user,id=net,ipv6=off"],
    ...["-device", `virtio-net-pci,netdev=net,mac=${nic.mac},romfile=`],
  ];
}

/** Has QEMU write into its log why it ends, which the control socket tells only those who listen. */
const endTrace = ["-trace", "qemu_system_shutdown_request"];

/** A value inside a comma-separated option. */
function optionValue(value: string): string {
  return value.replaceAll(",", ",,");
}
