import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { findCommand } from "../../src/cli/args/find.ts";
import { parseArguments } from "../../src/cli/args/parse.ts";
import { commands } from "../../src/cli/commands.ts";
import { groups } from "../../src/cli/specs/groups.ts";
import { parseConfig } from "../../src/daemon/config.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

interface Example {
  page: string;
  line: string;
  words: string[];
}

const examples = pages.flatMap(examplesOf);

test("the pages have examples, and they were found", () => {
  assert.ok(examples.length > 40, `${examples.length} examples`);
});

describe("every banger command in the documentation is one that banger understands", () => {
  for (const { page, line, words } of examples) {
    test(`${page}: ${line}`, () => {
      if (["--version", "help"].includes(words[0] ?? "")) return;
      const found = findCommand(commands, groups, words);
      if (found.kind === "command") parseArguments(found.command.spec, found.rest);
      else
        assert.deepEqual(
          found.rest.filter((word) => word !== "--help"),
          [],
        );
    });
  }
});

test("the configuration in the documentation is valid, and says every default rightly that it names as one", () => {
  const [, toml = ""] =
    /```toml\n(.*?)```/s.exec(readFileSync(join(root, "docs/configuration.md"), "utf8")) ?? [];
  const shown = parseConfig(toml, "docs/configuration.md");
  const defaults = parseConfig("", "none");
  assert.equal(shown.log_level, defaults.log_level);
  assert.equal(shown.default_image_name, defaults.default_image_name);
  assert.equal(shown.accelerator, defaults.accelerator);
  assert.equal(shown.vm_defaults.disk, defaults.vm_defaults.disk);
  assert.equal(shown.archive.mirror, defaults.archive.mirror);
  assert.equal(shown.archive.security_mirror, defaults.archive.security_mirror);
});

test("every link between the pages leads somewhere", () => {
  const dead = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8");
    return [...text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => join(page, "..", target))
      .filter((target) => !readable(join(root, target)))
      .map((target) => `${page} → ${target}`);
  });
  assert.deepEqual(dead, []);
});

/** Lines of code blocks that call banger, taken apart as a shell would, each part of a pipe or list by itself. */
function examplesOf(page: string): Example[] {
  const lines = readFileSync(join(root, page), "utf8").split("\n");
  let fenced = false;
  return lines.flatMap((text) => {
    if (text.startsWith("```")) fenced = !fenced;
    if (!fenced && !text.startsWith("    ")) return [];
    // A synopsis is no example, and what a shell would fill in may be any word.
    if (text.includes("[")) return [];
    const line = text
      .trim()
      .replace(/^\$ /, "")
      .replace(/\$\([^)]*\)/g, "word");
    return split(line)
      .filter(([first]) => first === "banger" || first === "./banger")
      .map(([, ...words]) => ({ page, line, words }));
  });
}

function split(line: string): string[][] {
  const parts: string[][] = [[]];
  for (const [word] of line.matchAll(/'[^']*'|"[^"]*"|[^\s'"]+/g)) {
    if (word.startsWith("#")) break;
    if (["|", "&&", ";"].includes(word)) parts.push([]);
    else if (word === ">" || word === "<") parts.at(-1)?.push("--ignored-redirection");
    else parts.at(-1)?.push(word.replace(/^['"]|['"]$/g, ""));
  }
  return parts.map((words) => {
    const at = words.indexOf("--ignored-redirection");
    return at === -1 ? words : words.slice(0, at);
  });
}

function readable(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTDIR";
  }
}
