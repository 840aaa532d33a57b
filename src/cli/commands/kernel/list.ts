import { formatSize } from "../../../lib/size.ts";
import type { AvailableKernel, Kernel } from "../../../model/kernel.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { type Column, table, terminalWidth } from "../../output/table.ts";
import { ago } from "../../output/time.ts";
import type { kernelList } from "../../specs/kernel.ts";
import type { World } from "../../world.ts";

const localColumns: readonly Column[] = [
  { title: "NAME" },
  { title: "RELEASE", shrinks: true },
  { title: "DISTRO", shrinks: true },
  { title: "USED", align: "right" },
  { title: "CREATED", shrinks: true },
  { title: "PROBLEM", shrinks: true },
];

const catalogColumns: readonly Column[] = [
  { title: "NAME" },
  { title: "STATE" },
  { title: "ARCH" },
  { title: "DESCRIPTION", shrinks: true },
];

export async function run({ flags }: Invocation<typeof kernelList>, world: World): Promise<number> {
  const banger = world.connect();
  if (flags.available) {
    print(await banger.kernels.available(), flags, world, catalogTable);
  } else {
    print(await banger.kernels.list(), flags, world, localTable);
  }
  return 0;
}

function print<T extends { name: string }>(
  kernels: readonly T[],
  flags: { json: boolean; quiet: boolean },
  world: World,
  draw: (kernels: readonly T[], world: World) => string,
): void {
  if (flags.json) printJson(world.stdout, kernels);
  else if (flags.quiet) world.stdout.write(kernels.map(({ name }) => `${name}\n`).join(""));
  else world.stdout.write(draw(kernels, world));
}

function localTable(kernels: readonly Kernel[], world: World): string {
  const rows = kernels.map(({ name, release = "", distro = "", used, createdAt, problem = "" }) => [
    name,
    release,
    distro,
    formatSize(used),
    createdAt === undefined ? "" : ago(createdAt, world.now()),
    problem,
  ]);
  const healthy = kernels.every(({ problem }) => problem === undefined);
  return table(healthy ? localColumns.slice(0, -1) : localColumns, rows, terminalWidth(world.stdout));
}

function catalogTable(kernels: readonly AvailableKernel[], world: World): string {
  const rows = kernels.map(({ name, state, arch, description }) => [name, state, arch, description]);
  return table(catalogColumns, rows, terminalWidth(world.stdout));
}
