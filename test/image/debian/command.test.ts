import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commandLine, guestSources, sourceLines } from "../../../src/image/debian/command.ts";
import { type Recipe, recipeSchema } from "../../../src/image/recipe/recipe.ts";
import { run } from "../../../src/lib/process.ts";

const mirrors = { mirror: "http://a/debian", securityMirror: "http://b/security" };
const settings = { mode: "fakechroot", keyring: "/keys.gpg", checkValidUntil: true } as const;

describe("commandLine", () => {
  test("asks for an archive of the recipe's packages on the standard output", () => {
    assert.deepEqual(commandLine(recipe({ packages: ["systemd", "git"] }), settings), [
      "--mode=fakechroot",
      "--variant=apt",
      "--architectures=amd64",
      "--format=tar",
      "--verbose",
      "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
      "--keyring=/keys.gpg",
      "--include=systemd,git",
      "--dpkgopt=force-unsafe-io",
      '--essential-hook=ln -sfn "$1" "$BANGER_WORKSPACE"/tree',
      "bookworm",
      "-",
      "-",
    ]);
  });

  test("lets apt take a mirror that is a dated copy only when it is told to", () => {
    const option = '--aptopt=Acquire::Check-Valid-Until "false"';
    assert.ok(commandLine(recipe({}), { ...settings, checkValidUntil: false }).includes(option));
    assert.ok(!commandLine(recipe({}), settings).includes(option));
  });

  test("tells dpkg what to leave out by a hook that is safe from the shell", async () => {
    const exclude = ["/usr/share/doc/*", '/it\'s $HOME `id` "x"\\n/*'];
    const args = commandLine(recipe({ exclude, include: ["/usr/share/doc/*/copyright"] }), settings);
    const hook = args.find((arg) => arg.includes("dpkg.cfg.d"))?.slice("--essential-hook=".length);
    assert.ok(hook);
    const printed = await run("sh", ["-c", hook.replace(/ >.*$/s, "")]);
    assert.equal(
      printed.stdout,
      [
        ...exclude.map((pattern) => `path-exclude=${pattern}`),
        "path-include=/usr/share/doc/*/copyright",
        "",
      ].join("\n"),
    );
    assert.match(hook, / >"\$1"\/etc\/dpkg\/dpkg\.cfg\.d\/banger$/);
  });
});

test("sourceLines names the suite, its updates and its security updates", () => {
  assert.equal(
    sourceLines(recipe({ components: ["main", "contrib"] }), mirrors),
    "deb http://a/debian bookworm main contrib\n" +
      "deb http://a/debian bookworm-updates main contrib\n" +
      "deb http://b/security bookworm-security main contrib\n",
  );
});

test("guestSources names the same, with the keys of the machine", () => {
  const stanza = (mirror: string, suite: string): string =>
    `Types: deb\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`;
  assert.equal(
    guestSources(recipe({}), mirrors),
    [
      stanza("http://a/debian", "bookworm"),
      stanza("http://a/debian", "bookworm-updates"),
      stanza("http://b/security", "bookworm-security"),
    ].join("\n"),
  );
});

function recipe(part: Partial<Recipe>): Recipe {
  const whole = {
    suite: "bookworm",
    components: ["main"],
    libc: "2.36",
    init: "/i",
    size: "1G",
    journal: "8M",
  };
  return recipeSchema.parse({ ...whole, ...part });
}
