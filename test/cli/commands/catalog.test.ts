import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { sampleAvailable, sampleCatalog } from "../../support/fake-services.ts";
import { servedWorld } from "../world.ts";

const table = [
  "NAME  IMAGES  FETCHED       URL",
  "team       1  1 minute ago  https://example.org/catalog.json",
  "",
].join("\n");

describe("catalog", () => {
  test("list prints a table, names or JSON", async (context) => {
    for (const [flag, text] of [
      ["", table],
      ["-q", "team\n"],
      ["--json", `${JSON.stringify([sampleCatalog], null, 2)}\n`],
    ] as const) {
      const { world } = await servedWorld(context);
      assert.equal(await world.run("catalog", "list", ...(flag ? [flag] : [])), 0);
      assert.equal(world.stdout.text, text);
    }
  });

  test("list shows what is old, and what is wrong", async (context) => {
    const { world, services } = await servedWorld(context);
    const never = { name: "new", url: "https://example.org/new.json", stale: true, problem: "it is gone" };
    services.on("catalogs.list", () => [{ ...sampleCatalog, stale: true }, never]);
    await world.run("catalog", "ls");
    const [head = "", old = "", fresh = ""] = world.stdout.text.split("\n");
    assert.match(head, /URL +PROBLEM$/);
    assert.match(old, /^team +1 {2}1 minute ago \(stale\) /);
    assert.match(fresh, /^new +never +https:\/\/example\.org\/new\.json +it is gone$/);
  });

  test("update fetches and prints the table, or the error", async (context) => {
    const { world, services } = await servedWorld(context);
    assert.equal(await world.run("catalog", "update"), 0);
    assert.equal(world.stdout.text, table);
    services.on("catalogs.update", () => {
      throw fault("catalog_unusable", { name: "team", url: "https://x", problem: "it is gone" });
    });
    assert.equal(await world.run("catalog", "update"), 1);
    assert.match(world.stderr.text, /error: the catalog "team" \(https:\/\/x\) cannot be used: it is gone\n/);
  });
});

test("image list --available prints the images of all catalogs", async (context) => {
  for (const [flag, text] of [
    [
      "",
      "NAME      STATE      CATALOG  KERNEL       DESCRIPTION\nteam-dev  available  team     generic-6.1  what the team uses\n",
    ],
    ["-q", "team-dev\n"],
    ["--json", `${JSON.stringify([sampleAvailable], null, 2)}\n`],
  ] as const) {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("image", "list", "--available", ...(flag ? [flag] : [])), 0);
    assert.equal(world.stdout.text, text);
  }
});
