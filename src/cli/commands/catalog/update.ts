import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { catalogTable } from "../../output/catalog-table.ts";
import { printJson } from "../../output/json.ts";
import type { catalogUpdate } from "../../specs/catalog.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof catalogUpdate>, world: World): Promise<number> {
  const banger = world.connect();
  const catalogs = await operate(world, flags, (call) => banger.catalogs.update(call));
  if (flags.json) printJson(world.stdout, catalogs);
  else world.stdout.write(catalogTable(catalogs, world));
  return 0;
}
