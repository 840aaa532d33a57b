import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { agentBinary } from "./agent.ts";

const usage =
  "usage: banger-agent --version | --serve-fd N [--root DIRECTORY] | --pack FLAGS (PATH NAME)... | --unpack FLAGS PATH | --map PATH\n";

test("--version prints the protocol's version and a hash of the sources", () => {
  const { status, stdout, stderr } = spawnSync(agentBinary(), ["--version"], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^2\+[0-9a-f]{12}\n$/);
});

test("anything else that is not served says how it is used", () => {
  const wrong = [
    [],
    ["--help"],
    ["--version", "x"],
    ["--serve-fd"],
    ["--serve-fd", "x"],
    ["--serve-fd", "-1"],
    ["--serve-fd", "3x"],
    // Not open.
    ["--serve-fd", "77"],
    ["--serve-fd", "0", "--root"],
    ["--serve-fd", "0", "--toor", "/"],
    ["--map"],
    ["--map", "zz"],
    ["--map", "2f", "2f"],
  ];
  for (const args of wrong) {
    const { status, stdout, stderr } = spawnSync(agentBinary(), args, { encoding: "utf8" });
    assert.deepEqual([status, stdout, stderr], [2, "", usage], args.join(" "));
  }
});

test("--map says why it cannot look at a file", () => {
  const args = ["--map", Buffer.from("/nonexistent").toString("hex")];
  const { status, stdout, stderr } = spawnSync(agentBinary(), args, { encoding: "utf8" });
  assert.deepEqual([status, stdout, stderr], [2, "", "2 /nonexistent: No such file or directory\n"]);
});

test("an end of input before any host ends it", () => {
  const { status, stderr } = spawnSync(agentBinary(), ["--serve-fd", "0"], { input: "", encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
});
