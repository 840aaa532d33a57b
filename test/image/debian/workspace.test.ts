import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { removeStaleWorkspaces, Workspace } from "../../../src/image/debian/workspace.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describe("a workspace", () => {
  test("is a directory of the owner's own, and gone afterwards with all that is in it", async (t) => {
    const parent = join(temporaryDirectory(t), "build");
    let path: string;
    {
      await using workspace = await Workspace.create(parent);
      path = workspace.path;
      mkdirSync(join(path, "tree/etc"), { recursive: true });
      writeFileSync(join(path, "tree/etc/passwd"), "");
    }
    assert.ok(!existsSync(path));
    assert.deepEqual(readdirSync(parent), []);
  });

  test("takes along the programs that still work in it, also those of a session of their own", async (t) => {
    const parent = temporaryDirectory(t);
    const programs: Promise<unknown[]>[] = [];
    {
      await using workspace = await Workspace.create(parent);
      for (const script of ["exec sleep 60", "exec setsid sleep 60"]) {
        const program = await start(`echo ready; ${script}`, workspace.path);
        programs.push(once(program, "close"));
      }
    }
    for (const ended of programs) assert.deepEqual(await ended, [null, "SIGTERM"]);
  });

  test("of a live owner is left alone", async (t) => {
    const parent = temporaryDirectory(t);
    await using workspace = await Workspace.create(parent);
    assert.deepEqual(await removeStaleWorkspaces(parent), []);
    assert.ok(existsSync(workspace.path));
  });

  test("is closed to others, unless a build needs them to go through it", async (t) => {
    const parent = temporaryDirectory(t);
    const modes: number[] = [];
    for (const open of [false, true]) {
      await using workspace = await Workspace.create(join(parent, String(open)), open);
      modes.push(statSync(workspace.path).mode & 0o777, statSync(join(parent, String(open))).mode & 0o777);
    }
    assert.deepEqual(modes, [0o700, 0o700, 0o711, 0o711]);
  });

  test("is not made in a directory of somebody else's", async (t) => {
    const parent = temporaryDirectory(t);
    if (process.getuid?.() !== 0) return t.skip("only root can give a directory away");
    chownSync(parent, 1234, 1234);
    await rejectsWith(
      Workspace.create(parent),
      "unsafe_directory",
      `refusing to use ${JSON.stringify(parent)}: it belongs to uid 1234`,
    );
  });

  test("says what keeps it from being made", async (t) => {
    const file = join(temporaryDirectory(t), "file");
    writeFileSync(file, "");
    await rejectsWith(
      Workspace.create(join(file, "x")),
      "directory_not_writable",
      `the directory ${JSON.stringify(join(file, "x"))} cannot be written: not a directory`,
    );
  });
});

describe("removeStaleWorkspaces", () => {
  test("finds nothing where nothing was ever built", async (t) => {
    assert.deepEqual(await removeStaleWorkspaces(join(temporaryDirectory(t), "none")), []);
  });

  test("removes what a dead owner has left, and ends the programs that it had started", async (t) => {
    const parent = temporaryDirectory(t);
    const path = join(parent, "0123456789ab");
    mkdirSync(join(path, "tree"), { recursive: true });
    const ended = once(await start("echo ready; exec sleep 60", path), "close");
    assert.deepEqual(await removeStaleWorkspaces(parent), ["0123456789ab"]);
    assert.deepEqual(await ended, [null, "SIGTERM"]);
    assert.deepEqual(readdirSync(parent), []);
  });

  test("kills programs that do not end when they are asked to", async (t) => {
    const parent = temporaryDirectory(t);
    const path = join(parent, "0123456789ab");
    mkdirSync(path);
    const stubborn = await start("trap '' TERM; echo ready; while :; do sleep 0.1; done", path);
    const ended = once(stubborn, "close");
    await removeStaleWorkspaces(parent);
    assert.deepEqual(await ended, [null, "SIGKILL"]);
  });

  test("does not touch the programs of another build", async (t) => {
    const parent = temporaryDirectory(t);
    mkdirSync(join(parent, "0123456789ab"));
    const other = await start("echo ready; exec sleep 60", join(parent, "0123456789abc"));
    assert.deepEqual(await removeStaleWorkspaces(parent), ["0123456789ab"]);
    assert.equal(other.signalCode, null);
    assert.ok(other.kill("SIGKILL"));
    await once(other, "close");
  });
});

/** A shell with a build's mark, that has printed its first line. */
async function start(script: string, workspace: string): Promise<ChildProcess> {
  const env = { PATH: process.env.PATH, BANGER_WORKSPACE: workspace };
  const child = spawn("sh", ["-c", script], { env, stdio: ["ignore", "pipe", "ignore"] });
  if (child.stdout) await once(child.stdout, "data");
  return child;
}
