import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { loadRecipe } from "../../../src/image/recipe/load.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const base = `
suite = "bookworm"
components = ["main"]
libc = "2.36"
init = "/sbin/init"
size = "1G"
journal = "32M"
packages = ["systemd"]
remove = ["/etc/hostname"]
[[file]]
path = "/etc/motd"
content = ""
`;

describe("loadRecipe", () => {
  test("fills in what a recipe does not say", async (t) => {
    const directory = recipes(t, { base });
    assert.deepEqual(await loadRecipe("base", directory), {
      suite: "bookworm",
      components: ["main"],
      libc: "2.36",
      init: "/sbin/init",
      size: "1G",
      journal: "32M",
      packages: ["systemd"],
      exclude: [],
      include: [],
      remove: ["/etc/hostname"],
      mask: [],
      mask_generators: [],
      disable: [],
      file: [{ path: "/etc/motd", mode: "0644", content: "" }],
      link: [],
    });
  });

  test("adds an extension's lists to those of its base, and replaces the rest", async (t) => {
    const more = `
extends = "base"
size = "2G"
packages = ["docker.io"]
mask = ["a.service"]
[[file]]
path = "/etc/issue"
mode = "0600"
content = "x"
`;
    const recipe = await loadRecipe("more", recipes(t, { base, more }));
    assert.equal(recipe.size, "2G");
    assert.equal(recipe.journal, "32M");
    assert.deepEqual(recipe.packages, ["systemd", "docker.io"]);
    assert.deepEqual(recipe.mask, ["a.service"]);
    assert.deepEqual(recipe.file, [
      { path: "/etc/motd", mode: "0644", content: "" },
      { path: "/etc/issue", mode: "0600", content: "x" },
    ]);
    assert.ok(!("extends" in recipe));
  });

  const bad: [title: string, text: string, problem: RegExp][] = [
    ["is not TOML", "suite = ", /^.+$/],
    ["has an unknown key", `${base}\nsurprise = 1\n`, /surprise/],
    ["lacks a key", base.replace(/^size.*$/m, ""), /^size: /],
    ["names no package", base.replace('"systemd"', '"-rf /"'), /^packages\.0: is not the name of a package$/],
    [
      "has a relative path",
      base.replace("/etc/motd", "etc/motd"),
      /^file\.0\.path: is not an absolute path$/,
    ],
    ["has a mode that is none", `${base}mode = "rwx"\n`, /^file\.0\.mode: is not an octal mode$/],
    [
      "has a unit with a slash",
      base.replace("remove", 'mask = ["../x"]\nremove'),
      /^mask\.0: is not the name/,
    ],
    ["extends itself", 'extends = "bad"', /^extends itself$/],
    ["extends what is not there", 'extends = "nothing"', /^ENOENT/],
  ];
  for (const [title, text, problem] of bad) {
    test(`refuses a recipe that ${title}`, async (t) => {
      const directory = recipes(t, { bad: text });
      const error = await rejectsWith(loadRecipe("bad", directory), "image_recipe_invalid");
      assert.match((error.params as { problem: string }).problem, problem);
      assert.match(error.message, /^the image recipe ".+recipe\.toml" cannot be used: /);
    });
  }

  for (const name of ["debian-bookworm", "debian-bookworm-slim"]) {
    test(`the recipe ${name} of this package is valid and names each package once`, async () => {
      const recipe = await loadRecipe(name);
      assert.equal(new Set(recipe.packages).size, recipe.packages.length);
      assert.equal(recipe.suite, "bookworm");
      assert.ok(recipe.packages.includes("systemd-sysv"));
    });
  }

  test("Docker is in one image of this package, and not in the slim one", async () => {
    assert.ok((await loadRecipe("debian-bookworm")).packages.includes("docker.io"));
    assert.ok(!(await loadRecipe("debian-bookworm-slim")).packages.includes("docker.io"));
  });
});

function recipes(t: TestContext, texts: Record<string, string>): string {
  const directory = temporaryDirectory(t);
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "recipe.toml"), text);
  }
  return directory;
}
