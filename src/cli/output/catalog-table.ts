import type { Catalog } from "../../model/catalog.ts";
import type { World } from "../world.ts";
import { type Column, table, terminalWidth } from "./table.ts";
import { ago } from "./time.ts";

const columns: readonly Column[] = [
  { title: "NAME" },
  { title: "IMAGES", align: "right" },
  { title: "FETCHED" },
  { title: "URL", shrinks: true },
  { title: "PROBLEM", shrinks: true },
];

export function catalogTable(catalogs: readonly Catalog[], world: World): string {
  const rows = catalogs.map(({ name, images, fetched, stale, url, problem = "" }) => [
    name,
    images === undefined ? "" : String(images),
    fetched === undefined ? "never" : `${ago(fetched, world.now())}${stale ? " (stale)" : ""}`,
    url,
    problem,
  ]);
  const healthy = catalogs.every(({ problem }) => problem === undefined);
  return table(healthy ? columns.slice(0, -1) : columns, rows, terminalWidth(world.stdout));
}
