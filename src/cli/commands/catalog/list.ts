import type { Invocation } from "../../args/spec.ts";
import { catalogTable } from "../../output/catalog-table.ts";
import { printJson } from "../../output/json.ts";
import type { catalogList } from "../../specs/catalog.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof catalogList>, world: World): Promise<number> {
  const catalogs = await world.connect().catalogs.list();
  if (flags.json) printJson(world.stdout, catalogs);
  else if (flags.quiet) world.stdout.write(catalogs.map(({ name }) => `${name}\n`).join(""));
  else world.stdout.write(catalogTable(catalogs, world));
  return 0;
}
