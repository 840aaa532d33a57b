import type { DoctorCheck } from "../../model/api/answers.ts";
import type { Invocation } from "../args/spec.ts";
import { printJson } from "../output/json.ts";
import { type Style, styleFor } from "../output/style.ts";
import { pad, printable } from "../output/width.ts";
import type { doctor } from "../specs/host.ts";
import type { World } from "../world.ts";

export async function run({ flags }: Invocation<typeof doctor>, world: World): Promise<number> {
  const banger = world.connect();
  const report = await banger.doctor(world.interrupts.signal);
  if (flags.json) printJson(world.stdout, report);
  else {
    const style = styleFor(world.stdout, world.env);
    world.stdout.write(report.checks.map((check) => checkLines(check, style)).join(""));
  }
  return report.checks.some(({ verdict }) => verdict === "fail") ? 1 : 0;
}

function checkLines({ verdict, title, detail, remedy }: DoctorCheck, style: Style): string {
  const paint = { pass: style.green, warn: style.yellow, fail: style.red }[verdict];
  const head = `${paint(pad(verdict.toUpperCase(), 4))}  ${printable(title)}: ${printable(detail)}\n`;
  return remedy === undefined ? head : `${head}      ${style.dim(`╰▶ hint: ${printable(remedy)}`)}\n`;
}
