import { fault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import type { vmCreate } from "../../specs/vm-run.ts";
import type { World } from "../../world.ts";
import { bringUp } from "./bring-up.ts";
import { createRequest } from "./create-request.ts";

export async function run({ flags }: Invocation<typeof vmCreate>, world: World): Promise<number> {
  if (flags["no-start"] && flags.wait.length > 0) {
    throw fault("bad_usage", { problem: "--no-start and --wait exclude each other", command: "vm create" });
  }
  const request = { ...createRequest(flags), start: !flags["no-start"] };
  const vm = await bringUp(world, world.connect(), request, flags);
  if (flags.json) printJson(world.stdout, vm);
  else world.stdout.write(`${vm.name}\n`);
  return 0;
}
