import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { tryLock, waitForLock } from "../../src/lib/lock.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const module = resolve(import.meta.dirname, "../../src/lib/lock.ts");

describe("a lock", () => {
  test("is held by one, until it is released", (t) => {
    const folder = temporaryDirectory(t);
    const path = join(folder, "a.lock");
    const first = tryLock(path);
    assert.ok(first);
    assert.equal(tryLock(path), undefined);
    first.release();
    first.release();
    using second = tryLock(path);
    assert.ok(second);
    assert.deepEqual(readdirSync(folder), ["a.lock"]);
  });

  test("of another process ends when that is killed", async (t) => {
    const path = join(temporaryDirectory(t), "a.lock");
    const script = `import { tryLock } from ${JSON.stringify(module)};
      globalThis.lock = tryLock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    assert.equal(tryLock(path), undefined);
    const waiting = waitForLock(path, AbortSignal.timeout(20_000));
    child.kill("SIGKILL");
    (await waiting).release();
  });

  test("is waited for only as long as the signal allows", async (t) => {
    const path = join(temporaryDirectory(t), "a.lock");
    using held = tryLock(path);
    assert.ok(held);
    await rejectsWith(waitForLock(path, AbortSignal.timeout(30)), "interrupted", "waiting was cancelled");
  });

  test("cannot be in a directory that is not there", (t) => {
    const path = join(temporaryDirectory(t), "no", "a.lock");
    throwsWith(() => tryLock(path), "directory_not_writable", /unable to open database file$/);
  });
});
