import { randomBytes } from "node:crypto";
import { syncFiles } from "./file-sync.ts";
import { guestFiles } from "./guest-files.ts";
import { macAddress } from "./identity.ts";
import { serials } from "./machine-spec.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";

/** Address of the guest in QEMU's user-mode network, and where it leads. */
const natNetwork = { address: "10.0.2.15/24", gateway: "10.0.2.2" };

/**
 * Leads a guest from wherever its agent is to a booted system: after a start, after a reboot from inside, and after a
 * daemon that was killed half-way. Calls `lap` after each phase.
 *
 * @throws guest_refused, guest_protocol, channel_closed, timed_out, interrupted
 */
export async function bringUp(
  parts: VmParts,
  vm: { id: string; init: string | undefined },
  agent: Agent,
  signal: AbortSignal,
  lap: (phase: string) => void = () => undefined,
): Promise<void> {
  const { phase } = agent.welcome;
  if (phase === "booted") return;
  const record = parts.vms.get(vm.id);
  if (!record) return;
  const { name, spec, provisioned } = record;
  if (phase === "initramfs") {
    const options = {
      rootSerial: serials.root,
      rootFstype: "ext4",
      modulesSerial: serials.modules,
      hostname: name,
      entropy: randomBytes(64),
      grow: true,
    };
    const network = { ...natNetwork, mac: macAddress(vm.id) };
    await agent.mount(spec.nat ? { ...options, network } : options, signal);
    lap("mount");
  }
  const hostKey = await parts.files.hostKey(vm.id, hostKeyComment(name));
  const files = guestFiles({ id: vm.id, name, nat: spec.nat, provisioned }, hostKey);
  await Promise.all(files.map((file) => agent.putFile(file, signal)));
  if (!provisioned) await syncFiles(parts, agent, name, signal);
  lap("files");
  await agent.boot(vm.init === undefined ? {} : { init: vm.init }, signal);
  lap("boot");
  parts.vms.update(vm.id, { provisioned: true });
}

/** As ssh-keygen would have it. */
export function hostKeyComment(name: string): string {
  return `root@${name}`;
}
