import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { packageRoot, resolvePaths } from "../../src/lib/paths.ts";
import { prepareRuntimeDirectory } from "../../src/lib/runtime-directory.ts";
import { checkSocketPath } from "../../src/lib/socket-path.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("resolvePaths", () => {
  test("keeps to the home directory by default", () => {
    const paths = resolvePaths({ HOME: "/home/ada" });
    assert.equal(paths.config, "/home/ada/.config/banger/config.toml");
    assert.equal(paths.database, "/home/ada/.local/state/banger/state.db");
    assert.equal(paths.downloads, "/home/ada/.cache/banger/downloads");
    assert.equal(paths.socket, `/tmp/banger-runtime-${process.getuid?.()}/daemon.sock`);
  });

  test("obeys the XDG variables, and takes an empty one as unset", () => {
    const paths = resolvePaths({
      HOME: "/home/ada",
      XDG_STATE_HOME: "/s",
      XDG_CACHE_HOME: "",
      XDG_CONFIG_HOME: "/c",
      XDG_RUNTIME_DIR: "/run/user/1",
    });
    assert.equal(paths.vms, "/s/banger/vms");
    assert.equal(paths.cache, "/home/ada/.cache/banger");
    assert.equal(paths.config, "/c/banger/config.toml");
    assert.equal(paths.lock, "/run/user/1/banger/daemon.lock");
  });
});

test("packageRoot is where package.json stands", () => {
  assert.ok(existsSync(join(packageRoot(), "package.json")));
});

describe("prepareRuntimeDirectory", () => {
  test("makes it for its owner only, and closes one that is open to others", async (t) => {
    const path = join(temporaryDirectory(t), "run", "banger");
    await prepareRuntimeDirectory(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    chmodSync(path, 0o755);
    await prepareRuntimeDirectory(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  test("refuses a symbolic link and a file", async (t) => {
    const folder = temporaryDirectory(t);
    mkdirSync(join(folder, "elsewhere"));
    const link = join(folder, "link");
    symlinkSync(join(folder, "elsewhere"), link);
    await rejectsWith(
      prepareRuntimeDirectory(link),
      "unsafe_directory",
      `refusing to use ${JSON.stringify(link)}: it is not a directory`,
    );
    const file = join(folder, "file");
    writeFileSync(file, "");
    await assert.rejects(prepareRuntimeDirectory(file));
  });

  test("refuses somebody else's", { skip: process.getuid?.() === 0 && "root owns /" }, async () => {
    await rejectsWith(
      prepareRuntimeDirectory("/"),
      "unsafe_directory",
      'refusing to use "/": it belongs to uid 0',
    );
  });
});

test("a socket path may have 107 bytes, counted in UTF-8", () => {
  assert.equal(checkSocketPath("x".repeat(107)).length, 107);
  const long = "ä".repeat(54);
  throwsWith(
    () => checkSocketPath(long),
    "path_too_long",
    `the socket path ${JSON.stringify(long)} is longer than 107 bytes`,
  );
});
