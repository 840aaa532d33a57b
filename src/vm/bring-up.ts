import { randomBytes } from "node:crypto";
import type { MountOptions } from "../guest/operations.ts";
import { syncFiles } from "./file-sync.ts";
import { guestFiles } from "./guest-files.ts";
import { identifyGuest } from "./identify.ts";
import { hostKeyComment, macAddress } from "./identity.ts";
import { serials } from "./machine-spec.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";
import { isSaved } from "./save-identity.ts";

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
  vm: { id: string; init: string | undefined; grown?: boolean | undefined },
  agent: Agent,
  signal: AbortSignal,
  lap: (phase: string) => void = () => undefined,
): Promise<void> {
  const { phase } = agent.welcome;
  const record = parts.vms.get(vm.id);
  if (!record) return;
  if (phase === "booted") {
    // A copy of a template, or a machine whose first start was cut off: in both nothing of the user's has run yet.
    if (!record.provisioned) {
      await identifyGuest(parts, record, agent, signal, { grown: vm.grown });
      await syncFiles(parts, agent, record.name, signal);
      parts.vms.update(vm.id, { provisioned: true });
      lap("identity");
    }
    return;
  }
  const { name, spec } = record;
  const provisioned = record.provisioned && isSaved(record.origin);
  if (phase === "initramfs") {
    await agent.mount(mountOptions({ id: vm.id, name, nat: spec.nat }, randomBytes(64)), signal);
    lap("mount");
  }
  const hostKey = await parts.files.hostKey(vm.id, hostKeyComment(name));
  const files = guestFiles({ id: vm.id, name, nat: spec.nat, provisioned }, hostKey);
  await Promise.all(files.map((file) => agent.putFile(file, signal)));
  if (!record.provisioned) await syncFiles(parts, agent, name, signal);
  lap("files");
  await agent.boot(vm.init === undefined ? {} : { init: vm.init }, signal);
  lap("boot");
  parts.vms.update(vm.id, { provisioned: true });
}

/** What a guest is told before it has a root. */
export function mountOptions(
  vm: { id: string; name: string; nat: boolean },
  entropy: Uint8Array,
): MountOptions {
  const options = {
    rootSerial: serials.root,
    rootFstype: "ext4",
    modulesSerial: serials.modules,
    hostname: vm.name,
    entropy,
    grow: true,
  };
  return vm.nat ? { ...options, network: { ...natNetwork, mac: macAddress(vm.id) } } : options;
}
