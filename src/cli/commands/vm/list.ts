import { formatSize } from "../../../lib/size.ts";
import type { Vm } from "../../../model/vm.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { type Column, table, terminalWidth } from "../../output/table.ts";
import { ago } from "../../output/time.ts";
import type { vmList } from "../../specs/vm-look.ts";
import type { World } from "../../world.ts";

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "NAME", shrinks: true },
  { title: "STATE", shrinks: true },
  { title: "IMAGE", shrinks: true },
  { title: "VCPU", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "DISK", align: "right" },
  { title: "CREATED", shrinks: true },
];

export async function run({ flags }: Invocation<typeof vmList>, world: World): Promise<number> {
  const banger = world.connect();
  const all = await banger.vms.list();
  const vms = flags.running ? all.filter(({ state }) => state === "running") : all;
  if (flags.json) printJson(world.stdout, vms);
  else if (flags.quiet) world.stdout.write(vms.map(({ id }) => `${id}\n`).join(""));
  else world.stdout.write(vmTable(vms, world));
  return 0;
}

function vmTable(vms: readonly Vm[], world: World): string {
  const rows = vms.map(({ id, name, state, reason, image, spec, createdAt }) => [
    id,
    name,
    reason === undefined ? state : `${state} (${reason})`,
    image.name,
    String(spec.vcpu),
    formatSize(spec.memory),
    formatSize(spec.disk),
    ago(createdAt, world.now()),
  ]);
  return table(columns, rows, terminalWidth(world.stdout));
}
