import { fault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { ImagePrune } from "../../../model/api/answers.ts";
import type { Invocation } from "../../args/spec.ts";
import { confirm } from "../../confirm.ts";
import { printJson } from "../../output/json.ts";
import type { imagePrune } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof imagePrune>, world: World): Promise<number> {
  const { images } = world.connect();
  const { all } = flags;
  const dryRun = flags["dry-run"];
  if (!dryRun && !flags.force) {
    const { deleted } = await images.prune({ all, dryRun: true });
    if (deleted.length > 0 && !(await agreed(deleted, world))) return 1;
  }
  const result = await images.prune({ all, dryRun });
  if (flags.json) printJson(world.stdout, result);
  else {
    for (const { name } of result.deleted) world.stdout.write(`${name}\n`);
    const { length } = result.deleted;
    const done = dryRun ? ["would delete", "freeing"] : ["deleted", "freed"];
    const count = `${length} ${length === 1 ? "image" : "images"}`;
    world.stderr.write(`${done[0]} ${count}, ${done[1]} ${formatSize(result.freed)}\n`);
  }
  return 0;
}

/** @throws bad_usage when there is nobody to ask */
async function agreed(unused: ImagePrune["deleted"], world: World): Promise<boolean> {
  if (!world.stdin.isTTY) {
    throw fault("bad_usage", {
      problem: "there is no terminal to ask on: use `banger image prune --force`",
      command: "image prune",
    });
  }
  const names = unused.map(({ name }) => name).join(", ");
  return await confirm(world, `Delete ${names}? [y/N] `);
}
