import { formatSize } from "../../../lib/size.ts";
import type { AvailableImage, Image } from "../../../model/image.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { type Column, table, terminalWidth } from "../../output/table.ts";
import { ago } from "../../output/time.ts";
import type { imageList } from "../../specs/image.ts";
import type { World } from "../../world.ts";

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "NAME", shrinks: true },
  { title: "KERNEL", shrinks: true },
  { title: "SIZE", align: "right" },
  { title: "USED", align: "right" },
  { title: "CREATED", shrinks: true },
  { title: "PROBLEM", shrinks: true },
];

const catalogColumns: readonly Column[] = [
  { title: "NAME" },
  { title: "STATE" },
  { title: "CATALOG" },
  { title: "KERNEL" },
  { title: "DESCRIPTION", shrinks: true },
];

export async function run({ flags }: Invocation<typeof imageList>, world: World): Promise<number> {
  const banger = world.connect();
  if (flags.available) {
    const available = await banger.images.available();
    if (flags.json) printJson(world.stdout, available);
    else if (flags.quiet) world.stdout.write(available.map(({ name }) => `${name}\n`).join(""));
    else world.stdout.write(catalogTable(available, world));
    return 0;
  }
  const images = await banger.images.list();
  if (flags.json) printJson(world.stdout, images);
  else if (flags.quiet) world.stdout.write(images.map(({ id }) => `${id}\n`).join(""));
  else world.stdout.write(imageTable(images, world));
  return 0;
}

function imageTable(images: readonly Image[], world: World): string {
  const rows = images.map(({ id, name, kernel = "", rootfs, used, createdAt, problem = "" }) => [
    id,
    name,
    kernel,
    rootfs ? formatSize(rootfs.size) : "",
    formatSize(used),
    createdAt === undefined ? "" : ago(createdAt, world.now()),
    problem,
  ]);
  const healthy = images.every(({ problem }) => problem === undefined);
  return table(healthy ? columns.slice(0, -1) : columns, rows, terminalWidth(world.stdout));
}

function catalogTable(images: readonly AvailableImage[], world: World): string {
  const rows = images.map((image) => [
    image.name,
    image.state,
    image.catalog,
    image.kernel,
    image.description,
  ]);
  return table(catalogColumns, rows, terminalWidth(world.stdout));
}
