import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "./agent.ts";

const cases: [title: string, entries: string[], wanted: string, got: string][] = [
  [
    "is what was asked for where it is described",
    ["usr/share/terminfo/x/xterm-kitty"],
    "xterm-kitty",
    "xterm-kitty",
  ],
  [
    "may be described by the number of its letter",
    ["lib/terminfo/78/xterm-kitty"],
    "xterm-kitty",
    "xterm-kitty",
  ],
  [
    "is the nearest that is described",
    ["lib/terminfo/x/xterm", "lib/terminfo/v/vt100"],
    "xterm-ghostty",
    "xterm",
  ],
  [
    "has its colours where they are described",
    ["etc/terminfo/x/xterm-256color"],
    "xterm-ghostty",
    "xterm-256color",
  ],
  ["stays where nothing is described", [], "xterm-ghostty", "xterm-ghostty"],
  ["stays where nothing near it is described", ["lib/terminfo/d/dumb"], "xterm-ghostty", "xterm-ghostty"],
  ["is no path", ["lib/terminfo/x/xterm"], "../x/xterm", "xterm"],
];
for (const [title, entries, wanted, got] of cases) {
  test(`the type of a terminal ${title}`, async (t) => {
    const agent = await connect(t, ["--root", root(t, entries)]);
    const { stdout } = await agent.sh('printf %s "$TERM"', [
      [14, 1],
      [11, `TERM=${wanted}`],
    ]);
    assert.equal(stdout.toString(), got);
  });
}

test("without a terminal, TERM is what it was given", async (t) => {
  const agent = await connect(t, ["--root", root(t, ["lib/terminfo/x/xterm"])]);
  const { stdout } = await agent.sh('printf %s "$TERM"', [[11, "TERM=weird"]]);
  assert.equal(stdout.toString(), "weird");
});

function root(t: TestContext, entries: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "banger-terminfo-"));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const entry of entries) {
    mkdirSync(dirname(join(directory, entry)), { recursive: true });
    writeFileSync(join(directory, entry), "");
  }
  return directory;
}
