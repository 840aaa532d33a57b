import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "../support/temporary.ts";

const program = resolve(import.meta.dirname, "../../src/cli/main.ts");

function run(words: string[], env: NodeJS.ProcessEnv): string {
  const { PATH } = process.env;
  return execFileSync(process.execPath, ["--no-warnings", program, ...words], {
    env: { PATH, ...env },
    encoding: "utf8",
  });
}

function caches(context: TestContext): { cache: string; env: NodeJS.ProcessEnv } {
  const home = temporaryDirectory(context);
  const cache = join(home, "cache");
  return { cache, env: { HOME: home, XDG_CACHE_HOME: cache } };
}

test("what Node compiles of a command is kept in the user's cache", (t) => {
  const { cache, env } = caches(t);
  const first = run(["vm", "list", "--help"], env);
  const [version = ""] = readdirSync(join(cache, "banger", "node"));
  const kept = readdirSync(join(cache, "banger", "node", version));
  assert.ok(kept.length > 0);
  assert.equal(run(["vm", "list", "--help"], env), first);
  assert.deepEqual(readdirSync(join(cache, "banger", "node", version)).sort(), kept.sort());
});

test("a cache of the user's choice is the one that is used", (t) => {
  const { cache, env } = caches(t);
  const chosen = join(temporaryDirectory(t), "chosen");
  run(["--help"], { ...env, NODE_COMPILE_CACHE: chosen });
  assert.ok(readdirSync(chosen).length > 0);
  assert.equal(existsSync(join(cache, "banger")), false);
});

test("a cache that cannot be made changes nothing", (t) => {
  const { cache, env } = caches(t);
  mkdirSync(cache);
  writeFileSync(join(cache, "banger"), "a file where a folder should be");
  assert.match(run(["vm", "list", "--help"], env), /^List all machines/);
});

test("the version is told without a cache", (t) => {
  const { cache, env } = caches(t);
  assert.match(run(["--version"], env), /^banger /);
  assert.equal(existsSync(cache), false);
});
