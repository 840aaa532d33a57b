import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Image } from "../src/model/image.ts";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image } from "./support/host.ts";

/** An image into a bundle and back, against GNU tar and zstd with the same files, holes and level; the latter check nothing. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
  await using host = new BenchHost();
  const directory = mkdtempSync(join(tmpdir(), "banger-bundle-"));
  try {
    const listed = JSON.parse(await host.ok(["image", "list", "--json"])) as Image[];
    const pulled = listed.find(({ name }) => name === image);
    const { id } = pulled ?? (JSON.parse(await host.ok(["image", "pull", image, "--json"])) as Image);
    const ours = join(directory, "ours.tar.zst");
    const theirs = join(directory, "theirs.tar.zst");
    const files = ["manifest.json", "rootfs.ext4"];
    const times = await interleaved(Number(values.rounds), {
      save: () => timed(() => host.ok(["image", "save", image, "-q", "-o", ours])),
      pack: () =>
        timed(async () => {
          const source = ["-C", join(host.images, id), ...files];
          execFileSync("tar", ["-S", "--format=pax", "-I", "zstd -3", "-cf", theirs, ...source]);
          execFileSync("sync", [theirs]);
        }),
      load: async () => {
        const time = await timed(() => host.ok(["image", "load", "-q", ours, "--name", "bench-bundle"]));
        await host.ok(["image", "delete", "bench-bundle"]);
        return time;
      },
      unpack: async () => {
        const target = join(directory, "unpacked");
        mkdirSync(target);
        const time = await timed(async () => {
          execFileSync("tar", ["-S", "--zstd", "-xf", ours, "-C", target]);
          execFileSync("sync", [join(target, "rootfs.ext4")]);
        });
        rmSync(target, { recursive: true });
        return time;
      },
    });
    report("tar and zstd, packing", times.pack, "ms");
    report("image save", times.save, "ms");
    report("image save / tar and zstd", ratios(times.save, times.pack), "times");
    report("tar and zstd, unpacking", times.unpack, "ms");
    report("image load", times.load, "ms");
    report("image load / tar and zstd", ratios(times.load, times.unpack), "times");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

await main();
