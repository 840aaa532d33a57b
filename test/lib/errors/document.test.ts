import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";
import { errorsDocument } from "../../../src/lib/errors/document.ts";
import { errorTable } from "../../../src/lib/errors/table.ts";

const root = resolve(import.meta.dirname, "../../..");

test("docs/errors.md is what the table says", () => {
  assert.equal(readFileSync(join(root, "docs/errors.md"), "utf8"), errorsDocument());
});

test("every code has a heading to link to", () => {
  const headings = new Set(errorsDocument().match(/^## \w+$/gm));
  for (const code of Object.keys(errorTable)) assert.ok(headings.has(`## ${code}`), code);
});

test("a code stands in one area only", () => {
  const seen = new Map<string, string>();
  const areas = join(root, "src/lib/errors/areas");
  for (const file of readdirSync(areas)) {
    for (const [, code] of readFileSync(join(areas, file), "utf8").matchAll(/^ {2}(\w+): define/gm)) {
      assert.equal(seen.get(code as string), undefined, `${code} in ${file}`);
      seen.set(code as string, file);
    }
  }
  assert.deepEqual([...seen.keys()].sort(), Object.keys(errorTable).sort());
});

test("every code is used by the program, so that none is documented in vain", () => {
  const text = sources()
    .filter((file) => !file.includes("/lib/errors/"))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  const unused = Object.keys(errorTable).filter((code) => code !== "internal" && !text.includes(`"${code}"`));
  assert.deepEqual(unused, []);
});

test("no raw error is thrown anywhere", () => {
  const raw = sources().flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line, index) =>
        /\bnew (Type|Range|Syntax|Aggregate)?Error\(/.test(line)
          ? [`${relative(root, file)}:${index + 1}`]
          : [],
      ),
  );
  assert.deepEqual(raw, []);
});

function sources(): string[] {
  return readdirSync(join(root, "src"), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}
