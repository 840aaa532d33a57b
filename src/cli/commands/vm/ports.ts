import type { VmPorts } from "../../../model/ports.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { table, terminalWidth } from "../../output/table.ts";
import type { vmPorts } from "../../specs/vm-ports.ts";
import type { World } from "../../world.ts";

const columns = [
  { title: "PORT", align: "right" as const },
  { title: "PROCESS", shrinks: true },
  { title: "ENDPOINT" },
  { title: "URL", shrinks: true },
  { title: "NOTE", shrinks: true },
];

export async function run({ flags, positionals }: Invocation<typeof vmPorts>, world: World): Promise<number> {
  const [ref = ""] = positionals;
  const ports = await world.connect().vms.ports(ref);
  if (flags.json) {
    printJson(world.stdout, ports);
    return 0;
  }
  world.stdout.write(table(columns, rows(ports), terminalWidth(world.stdout)));
  if (ports.left > 0)
    world.stderr.write(`${ports.left} more ports of the machine have no place on this host\n`);
  return 0;
}

function rows({ ports, published }: VmPorts): string[][] {
  return [
    ...ports.map(({ port, process, endpoint = "-", url = "", problem = "" }) => [
      String(port),
      process || "-",
      endpoint,
      url,
      problem,
    ]),
    ...published.map(({ guest, endpoint, problem = "" }) => [
      String(guest),
      "-",
      endpoint,
      "",
      problem ? `published; ${problem}` : "published",
    ]),
  ];
}
