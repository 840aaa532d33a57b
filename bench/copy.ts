import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image, timeOf } from "./support/host.ts";
import { type SshWay, sshInto } from "./support/ssh.ts";

const name = "bench-copy";

/** `vm cp` beside scp to the same guest through QEMU's own port forward: one large file both ways, and many small ones in. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      mebibytes: { type: "string", default: "1024" },
      files: { type: "string", default: "10000" },
    },
  });
  const [rounds, mebibytes, files] = [values.rounds, values.mebibytes, values.files].map(Number);
  const directory = mkdtempSync(join(tmpdir(), "bench-copy-"));
  try {
    await using host = new BenchHost();
    await host.ok(["vm", "create", "--image", image, "--name", name, "--nat"]);
    const way = await sshInto(host, name, directory);
    await large(host, way, directory, rounds ?? 3, mebibytes ?? 1024);
    await small(host, way, directory, rounds ?? 3, files ?? 10_000);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function large(
  host: BenchHost,
  way: SshWay,
  directory: string,
  rounds: number,
  mebibytes: number,
): Promise<void> {
  const local = join(directory, "large");
  execFileSync("sh", ["-c", 'head -c "$1" /dev/urandom > "$2"', "sh", String(mebibytes * 2 ** 20), local]);
  const back = join(directory, "back");
  const times = await interleaved(rounds, {
    "scp in": () => scp(way, local, "root@127.0.0.1:/srv/by-scp"),
    "cp in": () => host.time(["vm", "cp", "-q", local, `${name}:/srv/by-cp`]),
    "scp out": () => scp(way, "root@127.0.0.1:/srv/by-scp", back),
    "cp out": () => host.time(["vm", "cp", "-q", `${name}:/srv/by-cp`, back]),
  });
  for (const [what, values] of Object.entries(times)) {
    report(`${mebibytes} MiB by ${what}`, values, "ms");
  }
  report("in: scp / vm cp (at least 3)", ratios(times["scp in"], times["cp in"]), "times");
  report("out: scp / vm cp (at least 3)", ratios(times["scp out"], times["cp out"]), "times");
  await host.ok(["vm", "exec", name, "--", "rm", "-f", "/srv/by-scp", "/srv/by-cp"]);
  rmSync(local);
}

async function small(
  host: BenchHost,
  way: SshWay,
  directory: string,
  rounds: number,
  count: number,
): Promise<void> {
  const local = join(directory, "small");
  for (let i = 0; i < count; i += 1) {
    const folder = join(local, String(i % 100));
    if (i < 100) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${i}`), `content of file ${i}\n`.repeat(i % 50));
  }
  let round = 0;
  const times = await interleaved(rounds, {
    scp: () => {
      round += 1;
      return scp(way, "-r", local, `root@127.0.0.1:/srv/scp-${round}`);
    },
    cp: () => host.time(["vm", "cp", "-q", local, `${name}:/srv/cp-${round}`]),
  });
  report(`${count} small files by scp -r`, times.scp, "ms");
  report(`${count} small files by vm cp`, times.cp, "ms");
  report("scp -r / vm cp (at least 5)", ratios(times.scp, times.cp), "times");
}

function scp({ port, options }: SshWay, ...args: string[]): Promise<number> {
  return timeOf("scp", [...options, "-q", "-P", String(port), ...args]);
}

await main();
