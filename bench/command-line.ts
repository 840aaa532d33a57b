import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image, node, root, timeOf } from "./support/host.ts";

/** What short commands take beside Node doing nothing, through each way of starting them. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "40" } } });
  const launchers = ["banger", "bin/banger"].filter((path) => existsSync(join(root, path)));
  for (const launcher of launchers) await measure(launcher, Number(values.rounds));
}

async function measure(launcher: string, rounds: number): Promise<void> {
  console.log(`\nthrough ${launcher}`);
  await using host = new BenchHost({ program: join(root, launcher) });
  // The image must be there: it is not what is measured.
  if (!(await host.ok(["image", "list"])).includes(image)) await host.ok(["image", "pull", image]);
  for (let index = 0; index < 10; index += 1) {
    await host.ok(["vm", "create", "--no-start", "--image", image, "--name", `bench-${index}`]);
  }
  const times = await interleaved(rounds, {
    node: () => timeOf(node, ["-e", "0"]),
    version: () => host.time(["--version"]),
    list: () => host.time(["vm", "list"]),
  });
  report("node -e 0", times.node, "ms");
  report("banger --version", times.version, "ms");
  report("banger vm list, ten machines", times.list, "ms");
  report("banger --version / node -e 0", ratios(times.version, times.node), "times", 1.5);
  report("banger vm list / node -e 0", ratios(times.list, times.node), "times", 2);
}

await main();
