import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { formatSize } from "../../lib/size.ts";
import { defaultSize, type SizeSettings } from "../../model/default-size.ts";
import type { World } from "../world.ts";

/** What a new machine gets on this host when nothing is said, as texts for help. */
export interface HostDefaults {
  image: string;
  vcpu: string;
  memory: string;
  disk: string;
}

interface Settings {
  default_image_name?: string;
  vm_defaults?: SizeSettings;
}

/** From the host and the configuration, without the daemon. A configuration that is wrong is left to the daemon to refuse. */
export async function hostDefaults({ paths }: Pick<World, "paths">): Promise<HostDefaults> {
  const host = { cpus: availableParallelism(), memory: totalmem() };
  try {
    return describe(host, await readSettings(paths.config));
  } catch {
    return describe(host, {});
  }
}

async function readSettings(path: string): Promise<Settings> {
  const text = await readFile(path, "utf8");
  const { parse } = await import("smol-toml");
  return parse(text) as Settings;
}

function describe(host: { cpus: number; memory: number }, settings: Settings): HostDefaults {
  const size = defaultSize(host, settings.vm_defaults ?? {});
  return {
    image: settings.default_image_name ?? "debian-bookworm",
    vcpu: String(size.vcpu),
    memory: formatSize(size.memory),
    disk: formatSize(size.disk),
  };
}
