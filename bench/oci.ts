import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { resolvePaths } from "../src/lib/paths.ts";
import { run } from "../src/lib/process.ts";
import { ratios, report } from "./support/figures.ts";
import { BenchHost, peakMemory, root, timeOf } from "./support/host.ts";

const registry = "127.0.0.1:5079";
/** A tree of packages, and the same with more of them as a second layer; with a small third one. */
const base = "systemd,systemd-sysv,dbus";
const more = `${base},git,curl,python3,ca-certificates,openssh-client,vim-tiny`;
/** Kept for the next time: making it takes two minutes. */
const layout = join(root, "build/bench/oci-layout");

/**
 * Pulling a Debian image of two layers from a registry on loopback, beside skopeo, umoci and mke2fs; pulling a second one that has a
 * small layer more; the most memory that the daemon held.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
  const directory = mkdtempSync(join(tmpdir(), "banger-bench-oci-"));
  const server = await serve(directory);
  try {
    if (!existsSync(layout)) await makeImages(join(directory, "make"));
    for (const tag of ["two", "three"]) {
      const pushed = [
        "copy",
        "--dest-tls-verify=false",
        `oci:${layout}:${tag}`,
        `docker://${registry}/debian:${tag}`,
      ];
      await run("skopeo", pushed, { timeout: 300_000 });
    }
    await using host = new BenchHost({ fresh: true });
    await host.ok(["image", "list"]);
    const [first, second, theirs]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      theirs.push(await byOthers(join(directory, "others")));
      await forget(host);
      first.push(await host.time(["image", "pull", `${registry}/debian:two`, "--name", "two"]));
      second.push(await host.time(["image", "pull", `${registry}/debian:three`, "--name", "three"]));
    }
    report("skopeo copy, umoci unpack, mke2fs -d", theirs, "ms");
    report("image pull", first, "ms");
    report("image pull / those three", ratios(first, theirs), "times", 0.8);
    report("image pull of one with a small layer more", second, "ms");
    report("the same / the first pull", ratios(second, first), "times", 0.3);
    const peak = peakMemory(await host.daemonPid());
    console.log(
      `daemon: at most ${peak.toFixed(0)} MiB resident; 200 MB: ${peak * 2 ** 20 < 200e6 ? "holds" : "DOES NOT HOLD"}`,
    );
  } finally {
    server.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Images and layers, so that the next pull is a first one. */
async function forget(host: BenchHost): Promise<void> {
  if (readdirSync(host.images).some((name) => !name.startsWith("."))) {
    await host.ok(["image", "delete", "two", "three"]);
  }
  rmSync(join(resolvePaths(host.env).cache, "oci"), { recursive: true, force: true });
}

/** Milliseconds; what it made is removed. */
async function byOthers(directory: string): Promise<number> {
  mkdirSync(directory);
  const [copy, bundle, image] = ["layout", "bundle", "image"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const source = `docker://${registry}/debian:two`;
  let sum = await timeOf("skopeo", ["copy", "--src-tls-verify=false", source, `oci:${copy}:it`]);
  sum += await timeOf("umoci", ["unpack", "--image", `${copy}:it`, bundle]);
  sum += await timeOf("/usr/sbin/mke2fs", ["-q", "-t", "ext4", "-d", join(bundle, "rootfs"), image, "700M"]);
  rmSync(directory, { recursive: true });
  return sum;
}

async function serve(directory: string): Promise<ChildProcess> {
  const config = join(directory, "registry.yml");
  const settings = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(directory, "registry") } },
    http: { addr: registry },
  };
  writeFileSync(config, JSON.stringify(settings));
  const server = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  await once(server, "spawn");
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if ((await fetch(`http://${registry}/v2/`).catch(() => undefined))?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return server;
}

/** As root: umoci needs real owners to find out what a layer changes. */
async function makeImages(directory: string): Promise<void> {
  console.log("making the images, which takes some minutes");
  mkdirSync(directory);
  const image = join(directory, "layout");
  const bundle = join(directory, "bundle");
  const umoci = async (...args: string[]): Promise<void> => {
    await run("umoci", args, { timeout: 600_000 });
  };
  const layer = async (tag: string, change: () => Promise<unknown>): Promise<void> => {
    await umoci("unpack", "--image", `${image}:${tag}`, bundle);
    await change();
    await umoci("repack", "--image", `${image}:${tag}`, bundle);
    rmSync(bundle, { recursive: true });
  };
  const debian = async (packages: string): Promise<void> => {
    const archive = join(directory, "debian.tar");
    const env = { ...process.env, SOURCE_DATE_EPOCH: "1700000000" };
    const args = ["--mode=root", "--variant=minbase", `--include=${packages}`, "bookworm", archive];
    await run("mmdebstrap", args, { timeout: 900_000, env });
    const rootfs = join(bundle, "rootfs");
    rmSync(rootfs, { recursive: true });
    mkdirSync(rootfs);
    await run("tar", ["-C", rootfs, "-xf", archive, "--xattrs", "--numeric-owner"], { timeout: 600_000 });
  };
  await umoci("init", "--layout", image);
  await umoci("new", "--image", `${image}:two`);
  await layer("two", () => debian(base));
  await layer("two", () => debian(more));
  await umoci("tag", "--image", `${image}:two`, "three");
  await layer("three", async () =>
    writeFileSync(join(bundle, "rootfs/opt/small"), "a small layer\n".repeat(10_000)),
  );
  mkdirSync(join(layout, ".."), { recursive: true });
  await run("cp", ["-a", image, layout]);
}

await main();
