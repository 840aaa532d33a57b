import { formatSize } from "../../../lib/size.ts";
import type { Template } from "../../../model/template.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { type Column, table, terminalWidth } from "../../output/table.ts";
import { ago } from "../../output/time.ts";
import type { templateList } from "../../specs/template.ts";
import type { World } from "../../world.ts";

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "IMAGE", shrinks: true },
  { title: "KERNEL", shrinks: true },
  { title: "VCPU", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "DISK", align: "right" },
  { title: "NAT" },
  { title: "ON DISK", align: "right" },
  { title: "USED", shrinks: true },
];

export async function run({ flags }: Invocation<typeof templateList>, world: World): Promise<number> {
  const templates = await world.connect().templates.list();
  if (flags.json) printJson(world.stdout, templates);
  else if (flags.quiet) world.stdout.write(templates.map(({ id }) => `${id}\n`).join(""));
  else world.stdout.write(templateTable(templates, world));
  return 0;
}

function templateTable(templates: readonly Template[], world: World): string {
  const rows = templates.map(({ id, image, kernel, spec, size, usedAt }) => [
    id,
    image.name,
    kernel,
    String(spec.vcpu),
    formatSize(spec.memory),
    formatSize(spec.disk),
    spec.nat ? "yes" : "no",
    formatSize(size),
    ago(usedAt, world.now()),
  ]);
  return table(columns, rows, terminalWidth(world.stdout));
}
