import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { commands } from "../../../src/cli/commands.ts";
import { commandsDocument } from "../../../src/cli/help/document.ts";

const root = resolve(import.meta.dirname, "../../..");

test("docs/commands.md is what the commands say of themselves", () => {
  assert.equal(readFileSync(join(root, "docs/commands.md"), "utf8"), commandsDocument());
});

test("every command and every flag has its place in it", () => {
  const text = commandsDocument();
  for (const { spec } of commands.filter((command) => !command.spec.hidden)) {
    const [, section = "", ...more] = text.split(`\n### ${spec.path.join(" ")}\n`);
    assert.equal(more.length, 0, spec.path.join(" "));
    assert.ok(section.includes(`${spec.summary}.`), spec.path.join(" "));
    for (const [name, { kind }] of Object.entries(spec.flags)) {
      assert.ok(
        section.includes(kind === "toggle" ? `--[no-]${name}` : `--${name}`),
        `${spec.path.join(" ")} ${name}`,
      );
    }
  }
});
