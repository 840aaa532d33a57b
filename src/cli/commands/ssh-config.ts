import { homedir } from "node:os";
import { join } from "node:path";
import { fault } from "../../lib/errors/error.ts";
import type { Invocation } from "../args/spec.ts";
import { printJson } from "../output/json.ts";
import type { sshConfig } from "../specs/ssh.ts";
import { includeLine, withLine, withoutLine } from "../ssh/include-line.ts";
import type { World } from "../world.ts";

export async function run({ flags }: Invocation<typeof sshConfig>, world: World): Promise<number> {
  const { install, uninstall, json } = flags;
  if (install && uninstall) {
    throw fault("bad_usage", {
      problem: "--install and --uninstall exclude each other",
      command: "ssh-config",
    });
  }
  const config = join(world.paths.ssh, "config");
  const include = includeLine(config);
  // The daemon makes the file when it starts.
  if (!uninstall) await world.connect().info();
  if (!install && !uninstall) {
    if (json) printJson(world.stdout, { include, config });
    else {
      world.stdout.write(`${include}\n`);
      world.stderr.write("put this at the top of ~/.ssh/config, or run `banger ssh-config --install`\n");
    }
    return 0;
  }
  const { changeUserConfig } = await import("../ssh/user-config.ts");
  const changed = await changeUserConfig(world.env.HOME || homedir(), (content) =>
    install ? withLine(content, include) : withoutLine(content, include),
  );
  if (json) printJson(world.stdout, { include, config, installed: install, changed });
  else world.stdout.write(`${told(install, changed)}\n`);
  return 0;
}

function told(install: boolean, changed: boolean): string {
  if (install) {
    return changed
      ? "~/.ssh/config now includes banger's configuration · try: ssh <name>.vm"
      : "~/.ssh/config includes banger's configuration already";
  }
  return changed
    ? "~/.ssh/config no longer includes banger's configuration"
    : "~/.ssh/config does not include banger's configuration";
}
