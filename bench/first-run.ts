import { parseArgs } from "node:util";
import { figures, report } from "./support/figures.ts";
import { BenchHost, peakMemory } from "./support/host.ts";

/**
 * The very first command of a user who has nothing: image from Debian's archive, kernel, machine. The daemon's memory is
 * watched throughout. Downloads some hundred megabytes.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { image: { type: "string", default: "debian-bookworm" } } });
  await using host = new BenchHost({ fresh: true });
  await host.ok(["vm", "list"]);
  const pid = await host.daemonPid();
  const idle = peakMemory(pid);
  const elapsed = await host.time(["vm", "run", "--rm", "--image", values.image, "--", "uname", "-a"]);
  report(`first run, ${values.image}`, [elapsed], "ms", 240_000);
  const peak = figures([peakMemory(pid)]).median;
  console.log(`daemon: ${idle.toFixed(0)} MiB resident when it began, at most ${peak.toFixed(0)} MiB`);
  console.log(`150 MB: ${peak * 2 ** 20 < 150e6 ? "holds" : "DOES NOT HOLD"}`);
}

await main();
