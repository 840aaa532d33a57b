import { packageRoot } from "../../lib/paths.ts";
import { build, version } from "../../lib/version.ts";
import type { Invocation } from "../args/spec.ts";
import { details } from "../output/details.ts";
import { printJson } from "../output/json.ts";
import type { version as spec } from "../specs/host.ts";
import type { World } from "../world.ts";

export async function run({ flags }: Invocation<typeof spec>, world: World): Promise<number> {
  const about = {
    version: version(),
    build: build(),
    node: process.versions.node,
    package: packageRoot(),
    api: "v1",
  };
  if (flags.json) printJson(world.stdout, about);
  else
    world.stdout.write(
      details([
        ["banger", about.version],
        ["build", about.build],
        ["node", about.node],
        ["api", about.api],
        ["package", about.package],
      ]),
    );
  return 0;
}
