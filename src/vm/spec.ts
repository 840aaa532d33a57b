import { fault } from "../lib/errors/error.ts";
import { formatSize } from "../lib/size.ts";
import type { CreateVm, SetVm } from "../model/api/requests.ts";
import type { Config } from "../model/config.ts";
import { defaultSize, wholeMib } from "../model/default-size.ts";
import type { VmSpec } from "../model/vm.ts";
import type { VmPending } from "../store/vm-repository.ts";
import type { HostSize } from "./host-size.ts";

const mib = 2 ** 20;

/** A guest with less does not get through systemd's start. */
const leastMemory = 128 * mib;
/** The most that ext4 holds with blocks of 4 KiB and 32-bit block numbers. */
const mostDisk = 16 * 2 ** 40;

export type SizeDefaults = Pick<Config, "vm_defaults">;

/** What a machine gets when nothing is asked for. @throws invalid_value for a size in the configuration that is none */
export function defaultSpec(host: HostSize, config: SizeDefaults): VmSpec {
  return { ...defaultSize(host, config.vm_defaults), nat: false };
}

/**
 * The size of a new machine. A default disk grows to the image's size, a disk that was asked for must hold it.
 *
 * @throws vm_spec_invalid, invalid_value
 */
export function resolveSpec(
  request: Pick<CreateVm, "vcpu" | "memory" | "disk" | "nat">,
  host: HostSize,
  config: SizeDefaults,
  image?: { name: string; size: number },
): VmSpec {
  const defaults = defaultSpec(host, config);
  const spec = {
    vcpu: request.vcpu ?? defaults.vcpu,
    memory: wholeMib(request.memory ?? defaults.memory),
    disk: wholeMib(request.disk ?? Math.max(defaults.disk, image?.size ?? 0)),
    nat: request.nat ?? defaults.nat,
  };
  checkLimits(spec, host);
  if (image && spec.disk < image.size) {
    const least = formatSize(image.size);
    throw fault("vm_spec_invalid", {
      problem: `a disk of ${formatSize(spec.disk)} does not hold the image ${image.name} of ${least}`,
      remedy: `Give --disk ${Math.ceil(image.size / mib)}M or more`,
    });
  }
  return spec;
}

/**
 * What `set` makes of a machine's size: the whole new one.
 *
 * @throws vm_spec_invalid, vm_disk_shrink
 */
export function changedSpec(name: string, present: VmSpec, change: SetVm, host: HostSize): VmSpec {
  const next = {
    vcpu: change.vcpu ?? present.vcpu,
    memory: change.memory === undefined ? present.memory : wholeMib(change.memory),
    disk: change.disk === undefined ? present.disk : wholeMib(change.disk),
    nat: change.nat ?? present.nat,
  };
  if (next.disk < present.disk) {
    throw fault("vm_disk_shrink", {
      name,
      current: formatSize(present.disk),
      wanted: formatSize(next.disk),
    });
  }
  // Only what is asked for: a machine that came from a larger host may keep what it has.
  checkLimits(
    {
      vcpu: change.vcpu ?? 1,
      memory: change.memory === undefined ? leastMemory : next.memory,
      disk: next.disk,
    },
    host,
  );
  return next;
}

/** Where two sizes differ, as values of the second; undefined when they are equal. */
export function difference(from: VmSpec, to: VmSpec): VmPending | undefined {
  const changed = Object.entries(to).filter(([key, value]) => from[key as keyof VmSpec] !== value);
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

/** A size with what was pending for it. */
export function applyPending(spec: VmSpec, pending: VmPending | undefined): VmSpec {
  return {
    vcpu: pending?.vcpu ?? spec.vcpu,
    memory: pending?.memory ?? spec.memory,
    disk: pending?.disk ?? spec.disk,
    nat: pending?.nat ?? spec.nat,
  };
}

function checkLimits(spec: Omit<VmSpec, "nat">, host: HostSize): void {
  const memory = formatSize(spec.memory);
  if (spec.vcpu < 1 || !Number.isSafeInteger(spec.vcpu)) {
    invalid(`a machine cannot have ${spec.vcpu} processors`, "Give --vcpu 1 or more");
  }
  if (spec.vcpu > host.cpus) {
    invalid(
      `a machine with ${plural(spec.vcpu)} does not fit this host, which has ${host.cpus}`,
      `Give --vcpu ${host.cpus} or less`,
    );
  }
  if (spec.memory < leastMemory) {
    invalid(
      `${memory} of memory is not enough: a machine needs ${formatSize(leastMemory)}`,
      "Give --memory 128M or more",
    );
  }
  if (spec.memory > host.memory) {
    invalid(
      `${memory} of memory does not fit this host, which has ${formatSize(host.memory)}`,
      `Give --memory ${Math.floor(host.memory / mib)}M or less`,
    );
  }
  if (spec.disk > mostDisk) {
    invalid(
      `a disk of ${formatSize(spec.disk)} is larger than ext4's ${formatSize(mostDisk)}`,
      "Give --disk 16T or less",
    );
  }
}

function invalid(problem: string, remedy: string): never {
  throw fault("vm_spec_invalid", { problem, remedy });
}

function plural(cpus: number): string {
  return cpus === 1 ? "1 processor" : `${cpus} processors`;
}
