import { formatSize } from "../../../lib/size.ts";
import type { Kernel } from "../../../model/kernel.ts";
import type { Invocation } from "../../args/spec.ts";
import { details } from "../../output/details.ts";
import { moment } from "../../output/time.ts";
import type { kernelShow } from "../../specs/kernel.ts";
import type { World } from "../../world.ts";
import { showEach } from "../show-each.ts";

export async function run(
  { flags, positionals }: Invocation<typeof kernelShow>,
  world: World,
): Promise<number> {
  const banger = world.connect();
  const describe = (kernel: Kernel): string => kernelDetails(kernel, world.now());
  return await showEach(world, flags, positionals, (name) => banger.kernels.show(name), describe);
}

function kernelDetails(kernel: Kernel, now: number): string {
  return details([
    ["name", kernel.name],
    ["problem", kernel.problem],
    ["release", kernel.release],
    ["distribution", kernel.distro],
    ["architecture", kernel.arch],
    ["source", kernel.source],
    ["lacks", kernel.warnings?.join("; ")],
    ["on disk", formatSize(kernel.used)],
    ["created", moment(kernel.createdAt, now)],
  ]);
}
