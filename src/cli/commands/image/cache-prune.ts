import { formatSize } from "../../../lib/size.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { imageCachePrune } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof imageCachePrune>, world: World): Promise<number> {
  const result = await world.connect().images.pruneCache({ dryRun: flags["dry-run"] });
  if (flags.json) {
    printJson(world.stdout, result);
    return 0;
  }
  for (const { path, files, bytes } of result.directories) {
    world.stdout.write(`${path}: ${counted(files)}, ${formatSize(bytes)}\n`);
  }
  const done = result.dryRun ? "would free" : "freed";
  world.stderr.write(`${done} ${formatSize(result.freed)} in ${counted(result.files)}\n`);
  return 0;
}

function counted(files: number): string {
  return `${files} ${files === 1 ? "file" : "files"}`;
}
