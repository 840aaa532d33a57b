import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { changeUserConfig } from "../../../src/cli/ssh/user-config.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const add = (content: Buffer): Buffer => Buffer.concat([Buffer.from("first\n"), content]);
const remove = (content: Buffer): Buffer => Buffer.from(content.toString().replace("first\n", ""));

function home(t: TestContext): { home: string; config: string } {
  const path = temporaryDirectory(t);
  return { home: path, config: join(path, ".ssh", "config") };
}

describe("the user's configuration of ssh", () => {
  test("is made for its owner only where there is none, and goes again when it becomes empty", async (t) => {
    const { home: path, config } = home(t);
    assert.equal(await changeUserConfig(path, remove), false);
    assert.equal(existsSync(join(path, ".ssh")), false, "nothing to change, nothing made");
    assert.equal(await changeUserConfig(path, add), true);
    assert.equal(readFileSync(config, "utf8"), "first\n");
    assert.equal(statSync(config).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, ".ssh")).mode & 0o777, 0o700);
    assert.equal(await changeUserConfig(path, remove), true);
    assert.deepEqual(readdirSync(join(path, ".ssh")), []);
  });

  test("keeps its mode and every other byte, and has nothing beside it", async (t) => {
    const { home: path, config } = home(t);
    mkdirSync(join(path, ".ssh"), { mode: 0o755 });
    const bytes = Buffer.from([0xff, 0x0a, 0x00, 0x0d]);
    writeFileSync(config, bytes);
    chmodSync(config, 0o640);
    await changeUserConfig(path, add);
    assert.deepEqual(readFileSync(config), Buffer.concat([Buffer.from("first\n"), bytes]));
    assert.equal(statSync(config).mode & 0o777, 0o640);
    assert.equal(statSync(join(path, ".ssh")).mode & 0o777, 0o755);
    assert.deepEqual(readdirSync(join(path, ".ssh")), ["config"]);
  });

  test("stays a link where it is one, and what it leads to is changed", async (t) => {
    const { home: path, config } = home(t);
    mkdirSync(join(path, ".ssh"));
    mkdirSync(join(path, "dotfiles"));
    const real = join(path, "dotfiles", "ssh_config");
    symlinkSync("../dotfiles/link", config);
    symlinkSync("ssh_config", join(path, "dotfiles", "link"));
    // The end of the chain need not be there yet.
    assert.equal(await changeUserConfig(path, add), true);
    assert.ok(
      lstatSync(config).isSymbolicLink() && lstatSync(join(path, "dotfiles", "link")).isSymbolicLink(),
    );
    assert.equal(readFileSync(real, "utf8"), "first\n");
    await changeUserConfig(path, remove);
    assert.equal(readFileSync(real, "utf8"), "", "a file that somebody links to is not removed");
  });

  test("that leads in a circle is refused", async (t) => {
    const { home: path, config } = home(t);
    mkdirSync(join(path, ".ssh"));
    symlinkSync("config", config);
    await rejectsWith(
      changeUserConfig(path, add),
      "unsafe_directory",
      `refusing to use "${config}": its links lead in a circle`,
    );
  });
});
