import { statfs } from "node:fs/promises";
import { hostTools, installCommand, missingTools } from "../../lib/host-tools.ts";
import type { Paths } from "../../lib/paths.ts";
import { formatSize } from "../../lib/size.ts";
import type { Config } from "../../model/config.ts";
import type { Check, Finding } from "./report.ts";

/** What the checks look at beyond the host itself. */
export interface Examined {
  paths: Paths;
  config: Config;
  /** The accelerator that machines get, and what the probe says of each. */
  accelerator(signal: AbortSignal): Promise<Finding>;
  qemuVersion(signal: AbortSignal): Promise<string>;
  defaultImage(): Promise<"local" | "catalog" | "unknown">;
  /** Whether machines are found by name. */
  names(signal: AbortSignal): Promise<Finding>;
  /** Whether the expiry of the archive's release files is checked, and who decided. */
  releaseExpiry(signal: AbortSignal): Promise<string>;
}

/** An image, a kernel and the downloads they are made of fit in this; less is worth a warning. */
const comfortableSpace = 4 * 2 ** 30;

export function hostChecks(examined: Examined): Check[] {
  const { paths, config } = examined;
  return [
    { id: "architecture", title: "architecture", look: async () => architecture() },
    { id: "host-packages", title: "host packages", look: async () => hostPackages() },
    {
      id: "qemu",
      title: "QEMU",
      look: async (signal) => ({ verdict: "pass", detail: await examined.qemuVersion(signal) }),
    },
    { id: "accelerator", title: "accelerator", look: (signal) => examined.accelerator(signal) },
    { id: "state", title: "state directory", look: () => freeSpace(paths.state) },
    { id: "cache", title: "cache directory", look: () => freeSpace(paths.cache) },
    {
      id: "archive",
      title: "Debian archive",
      look: async (signal) => {
        const expiry = await examined.releaseExpiry(signal);
        return { verdict: "pass", detail: `${config.archive.mirror}, ${expiry}` };
      },
    },
    { id: "names", title: "names", look: (signal) => examined.names(signal) },
    { id: "default-image", title: "default image", look: () => defaultImage(examined) },
  ];
}

function architecture(): Finding {
  if (process.arch === "x64") return { verdict: "pass", detail: "x86-64" };
  return { verdict: "fail", detail: process.arch, remedy: "banger runs on x86-64 only" };
}

function hostPackages(): Finding {
  const missing = missingTools(hostTools);
  if (missing.length === 0) return { verdict: "pass", detail: "all programs are there" };
  const list = missing.map(({ program, purpose }) => `${program} (${purpose})`).join(", ");
  return { verdict: "fail", detail: `missing: ${list}`, remedy: `Run: ${installCommand(missing)}` };
}

async function freeSpace(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const detail = `${path}, ${formatSize(free)} free`;
  if (free >= comfortableSpace) return { verdict: "pass", detail };
  return { verdict: "warn", detail, remedy: `Keep at least ${formatSize(comfortableSpace)} free for images` };
}

async function defaultImage({ config, defaultImage }: Examined): Promise<Finding> {
  const name = config.default_image_name;
  const where = await defaultImage();
  if (where === "local") return { verdict: "pass", detail: `${name} is local` };
  if (where === "catalog") return { verdict: "pass", detail: `${name} is made when it is first needed` };
  return {
    verdict: "fail",
    detail: `${name} is neither local nor in the catalog`,
    remedy: "Set default_image_name in config.toml to one of `banger image list`",
  };
}
