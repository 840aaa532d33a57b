import { parseSize } from "../lib/size.ts";

const mib = 2 ** 20;
const gib = 2 ** 30;

/** The table `vm_defaults` of the configuration. */
export interface SizeSettings {
  vcpu?: number | undefined;
  memory?: string | undefined;
  disk?: string | undefined;
}

/**
 * What a machine gets when nothing is asked for, sizes in bytes: a quarter of the host's processors up to 4 and an eighth of its
 * memory up to 8 GiB, at least 1 and 512 MiB, unless the configuration says otherwise.
 *
 * @throws invalid_value for a size in the configuration that is none
 */
export function defaultSize(
  host: { cpus: number; memory: number },
  { vcpu, memory, disk = "8G" }: SizeSettings,
): { vcpu: number; memory: number; disk: number } {
  return {
    vcpu: vcpu ?? clamp(Math.floor(host.cpus / 4), 1, 4),
    memory: wholeMib(
      memory === undefined
        ? clamp(Math.floor(host.memory / 8 / mib) * mib, 512 * mib, 8 * gib)
        : parseSize("vm_defaults.memory", memory),
    ),
    disk: wholeMib(parseSize("vm_defaults.disk", disk)),
  };
}

export function wholeMib(bytes: number): number {
  return Math.ceil(bytes / mib) * mib;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
