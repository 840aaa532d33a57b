import { resolve } from "node:path";
import { fault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { kernelImport } from "../../specs/kernel.ts";
import type { World } from "../../world.ts";

export async function run({ flags }: Invocation<typeof kernelImport>, world: World): Promise<number> {
  const { from, name, modules, config, force } = flags;
  if (from === undefined) throw missing("--from FILE is missing: the kernel");
  if (name === undefined) throw missing("--name NAME is missing: what the local kernel is to be called");
  const banger = world.connect();
  const request = {
    name,
    from: resolve(from),
    ...(modules === undefined ? {} : { modules: resolve(modules) }),
    ...(config === undefined ? {} : { config: resolve(config) }),
    force,
  };
  const kernel = await operate(world, flags, (call) => banger.kernels.import(request, call));
  if (flags.json) printJson(world.stdout, kernel);
  else world.stdout.write(`${kernel.name}\n`);
  return 0;
}

function missing(problem: string): Error {
  return fault("bad_usage", { problem, command: "kernel import" });
}
