import { hostTools, installCommand, missingTools } from "../../lib/host-tools.ts";
import type { Invocation } from "../args/spec.ts";
import { printJson } from "../output/json.ts";
import { packagesOf } from "../setup/missing.ts";
import type { setup } from "../specs/host.ts";
import type { World } from "../world.ts";

export async function run({ flags }: Invocation<typeof setup>, world: World): Promise<number> {
  const missing = missingTools(hostTools, world.env.PATH);
  const packages = packagesOf(missing);
  const command = missing.length === 0 ? undefined : installCommand(missing);
  if (!flags["dry-run"] && missing.length > 0) {
    const { installPackages } = await import("../setup/install.ts");
    await installPackages(world, missing, "running machines");
  }
  if (flags.json) printJson(world.stdout, { packages, command, installed: !flags["dry-run"] });
  else if (!command) world.stdout.write("everything is there; `banger doctor` checks the rest\n");
  else world.stdout.write(flags["dry-run"] ? `${command}\n` : "everything is there now\n");
  return 0;
}
