import type { Invocation } from "../args/spec.ts";
import type { ps } from "../specs/vm-look.ts";
import type { World } from "../world.ts";
import { run as list } from "./vm/list.ts";

export async function run({ flags }: Invocation<typeof ps>, world: World): Promise<number> {
  return await list(
    { flags: { ...flags, running: true }, positionals: [], passthrough: [], order: [] },
    world,
  );
}
