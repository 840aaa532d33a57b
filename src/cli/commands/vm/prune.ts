import { fault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { Vm } from "../../../model/vm.ts";
import type { Invocation } from "../../args/spec.ts";
import { confirm } from "../../confirm.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { vmPrune } from "../../specs/vm-state.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof vmPrune>, world: World): Promise<number> {
  const banger = world.connect();
  if (!flags.force) {
    const idle = (await banger.vms.list()).filter(isIdle);
    if (idle.length > 0 && !(await agreed(idle, world))) return 1;
  }
  const result = await operate(world, flags, (call) => banger.vms.prune(call));
  if (flags.json) printJson(world.stdout, result);
  else {
    for (const name of result.deleted) world.stdout.write(`${name}\n`);
    const { length } = result.deleted;
    world.stderr.write(
      `deleted ${length} ${length === 1 ? "vm" : "vms"}, freed ${formatSize(result.freed)}\n`,
    );
  }
  return 0;
}

function isIdle({ state }: Vm): boolean {
  return state === "created" || state === "stopped" || state === "error";
}

/** @throws bad_usage when there is nobody to ask */
async function agreed(idle: readonly Vm[], world: World): Promise<boolean> {
  if (!world.stdin.isTTY) {
    throw fault("bad_usage", {
      problem: "there is no terminal to ask on: use `banger vm prune --force`",
      command: "vm prune",
    });
  }
  const names = idle.map(({ name }) => name).join(", ");
  return await confirm(world, `Delete ${names}? There is no way back. [y/N] `);
}
