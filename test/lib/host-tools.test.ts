import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findProgram, hostTools, installCommand, missingTools } from "../../src/lib/host-tools.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("programs of the host", () => {
  test("are found on the PATH if they can be run", (t) => {
    const folder = temporaryDirectory(t);
    const program = join(folder, "frobnicate");
    writeFileSync(program, "");
    assert.equal(findProgram("frobnicate", folder), undefined);
    chmodSync(program, 0o755);
    assert.equal(findProgram("frobnicate", `/nowhere:${folder}`), program);
    assert.equal(findProgram("frobnicate", undefined), undefined);
  });

  test("are not looked for in relative folders", (t) => {
    const folder = temporaryDirectory(t);
    writeFileSync(join(folder, "frobnicate"), "", { mode: 0o755 });
    const before = process.cwd();
    process.chdir(folder);
    t.after(() => process.chdir(before));
    assert.equal(findProgram("frobnicate", ".:"), undefined);
  });

  test("that are missing are named with the command that installs them, each package once", () => {
    const tools = [
      { program: "no-such-a", package: "one", purpose: "x" },
      { program: "no-such-b", package: "one", purpose: "x" },
      { program: "sh", package: "dash", purpose: "x" },
    ];
    const missing = missingTools(tools, "/bin:/usr/bin");
    assert.deepEqual(
      missing.map(({ program }) => program),
      ["no-such-a", "no-such-b"],
    );
    assert.equal(installCommand(missing), "sudo apt-get install --no-install-recommends one");
  });

  test("each have a package and a purpose", () => {
    for (const tool of hostTools) assert.ok(tool.program && tool.package && tool.purpose);
  });
});
