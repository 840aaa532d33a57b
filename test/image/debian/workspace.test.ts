import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { removeStaleWorkspaces, Workspace } from "../../../src/image/debian/workspace.ts";
import { identify, isAlive } from "../../../src/lib/process-identity.ts";
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

  test("of a live owner is left alone", async (t) => {
    const parent = temporaryDirectory(t);
    await using workspace = await Workspace.create(parent);
    assert.deepEqual(await removeStaleWorkspaces(parent), []);
    assert.ok(existsSync(workspace.path));
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
    const builder = await start("sleep 60 & echo ready; wait");
    const leader = identify(builder.pid ?? 0);
    assert.ok(leader);
    writeFileSync(join(path, "group.json"), JSON.stringify(leader));
    const ended = once(builder, "close");
    assert.deepEqual(await removeStaleWorkspaces(parent), ["0123456789ab"]);
    await ended;
    assert.ok(!isAlive(leader));
    assert.deepEqual(readdirSync(parent), []);
  });

  test("kills programs that do not end when they are asked to", async (t) => {
    const parent = temporaryDirectory(t);
    mkdirSync(join(parent, "0123456789ab"));
    const builder = await start("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    const leader = identify(builder.pid ?? 0);
    writeFileSync(join(parent, "0123456789ab", "group.json"), JSON.stringify(leader));
    const ended = once(builder, "close");
    await removeStaleWorkspaces(parent);
    await ended;
    assert.equal(builder.signalCode, "SIGKILL");
  });

  test("does not touch a process that only has the number of a dead one", async (t) => {
    const parent = temporaryDirectory(t);
    mkdirSync(join(parent, "0123456789ab"));
    const stranger = await start("echo ready; exec sleep 60");
    t.after(() => stranger.kill("SIGKILL"));
    const leader = identify(stranger.pid ?? 0);
    assert.ok(leader);
    const earlier = { ...leader, startTime: leader.startTime - 1 };
    writeFileSync(join(parent, "0123456789ab", "group.json"), JSON.stringify(earlier));
    assert.deepEqual(await removeStaleWorkspaces(parent), ["0123456789ab"]);
    assert.ok(isAlive(leader));
  });

  test("copes with a note that was cut off", async (t) => {
    const parent = temporaryDirectory(t);
    mkdirSync(join(parent, "0123456789ab"));
    writeFileSync(join(parent, "0123456789ab", "group.json"), '{"pid": 1');
    assert.deepEqual(await removeStaleWorkspaces(parent), ["0123456789ab"]);
  });
});

/** A shell in a process group of its own, that has printed its first line. */
async function start(script: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  if (child.stdout) await once(child.stdout, "data");
  return child;
}
