import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "../..");

/** What becomes part of a bundle: sources by their folder below src, packages by their name. */
async function contentsOf(entry: string): Promise<{ folders: Set<string>; packages: Set<string> }> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    metafile: true,
    logLevel: "silent",
  });
  const inputs = Object.keys(metafile.inputs);
  const pick = (pattern: RegExp): Set<string> =>
    new Set(inputs.flatMap((path) => pattern.exec(path)?.[1] ?? []));
  return { folders: pick(/^src\/([^/]+)\//), packages: pick(/node_modules\/((?:@[^/]+\/)?[^/]+)\//) };
}

test("the command line holds nothing of the daemon, and no package but the reader of its configuration", async () => {
  const { folders, packages } = await contentsOf("src/cli/main.ts");
  assert.deepEqual([...folders].sort(), ["archive", "cli", "client", "lib", "model"]);
  assert.deepEqual([...packages], ["smol-toml"]);
});

test("the SDK holds no package at all", async () => {
  const { folders, packages } = await contentsOf("src/client/main.ts");
  assert.deepEqual([...folders].sort(), ["archive", "client", "lib", "model"]);
  assert.deepEqual([...packages], []);
});
