import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type TemplateManifest, templateId, templateKey } from "../../../src/vm/templates/manifest.ts";
import { type Template, TemplateStore } from "../../../src/vm/templates/store.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const gib = 2 ** 30;

function store(t: TestContext): TemplateStore {
  return new TemplateStore(join(temporaryDirectory(t), "templates"));
}

function described(key: string, disk: number): Omit<TemplateManifest, "files"> {
  return {
    version: 1,
    id: templateId(key, disk),
    key,
    image: { id: "0123456789ab", name: "debian-bookworm" },
    kernel: "generic-6.1",
    spec: { vcpu: 1, memory: gib, disk, nat: false },
    accelerator: "tcg",
    createdAt: "2026-01-01T00:00:00.000Z",
    took: 1,
  };
}

async function add(to: TemplateStore, key: string, disk = 8 * gib): Promise<string> {
  const { id } = await to.add(templateId(key, disk), async (staging) => {
    writeFileSync(join(staging, "memory"), Buffer.alloc(64 * 1024, 1));
    for (const name of ["state", "disk.qcow2"]) writeFileSync(join(staging, name), name);
    return described(key, disk);
  });
  return id;
}

async function only(of: TemplateStore): Promise<Template> {
  const [template, ...others] = await of.list();
  assert.ok(template && others.length === 0);
  return template;
}

describe("the templates", () => {
  test("are none where nothing was ever made", async (t) => {
    assert.deepEqual(await store(t).list(), []);
    assert.equal(await store(t).find("key", gib), undefined);
    assert.equal(await store(t).remove("0123456789ab"), false);
  });

  test("appear as a whole, with what their files were like", async (t) => {
    const templates = store(t);
    const id = await add(templates, "key");
    const { manifest, snapshot, disk, size } = await only(templates);
    assert.equal(manifest.id, id);
    assert.ok(existsSync(snapshot.memory) && existsSync(snapshot.state) && existsSync(disk));
    assert.equal(manifest.files.memory.size, 64 * 1024);
    assert.ok(size >= 64 * 1024);
    await templates.check(await only(templates));
  });

  test("that fail on the way leave nothing", async (t) => {
    const templates = store(t);
    await assert.rejects(
      templates.add("0123456789ab", async () => {
        throw new Error("no guest");
      }),
      /no guest/,
    );
    assert.deepEqual(readdirSync(templates.directory), []);
  });

  test("are found by their key and the largest disk that fits", async (t) => {
    const templates = store(t);
    await add(templates, "key", 4 * gib);
    const large = await add(templates, "key", 8 * gib);
    await add(templates, "other", 6 * gib);
    assert.equal((await templates.find("key", 20 * gib))?.manifest.id, large);
    assert.equal((await templates.find("key", 7 * gib))?.manifest.spec.disk, 4 * gib);
    assert.equal(await templates.find("key", 3 * gib), undefined);
    assert.equal(await templates.find("third", 20 * gib), undefined);
  });

  const damages: [what: string, damage: (template: Template) => void, problem: RegExp][] = [
    ["memory is cut off", ({ snapshot }) => truncateSync(snapshot.memory, 5), /memory was changed$/],
    ["disk is written to", ({ disk }) => writeFileSync(disk, "disk.QCOW2"), /disk\.qcow2 was changed$/],
    [
      "state has other bytes and the old time",
      ({ snapshot, manifest }) => {
        writeFileSync(snapshot.state, "STATE");
        const time = manifest.files.state.mtime / 1000;
        utimesSync(snapshot.state, time, time);
      },
      /state was changed$/,
    ],
  ];
  for (const [what, damage, problem] of damages) {
    test(`whose ${what} are damaged`, async (t) => {
      const templates = store(t);
      await add(templates, "key");
      const template = await only(templates);
      damage(template);
      await rejectsWith(templates.check(template), "template_broken", problem);
    });
  }

  test("that cannot be understood are left out", async (t) => {
    const templates = store(t);
    const id = await add(templates, "key");
    writeFileSync(join(templates.directory, id, "manifest.json"), '{"version": 2}');
    mkdirSync(join(templates.directory, "aaaaaaaaaaaa"));
    assert.deepEqual(await templates.list(), []);
  });

  test("go when they were not used for longest, but never the newest", async (t) => {
    const templates = store(t);
    const ids = [await add(templates, "a"), await add(templates, "b"), await add(templates, "c")];
    const [a = "", b = "", c = ""] = ids;
    for (const [index, id] of ids.entries()) {
      utimesSync(join(templates.directory, id, "manifest.json"), index, index);
    }
    await templates.touch(a);
    const { size } = (await templates.list())[0] ?? assert.fail();
    assert.deepEqual(await templates.evict(3 * size, c), []);
    assert.deepEqual(await templates.evict(2 * size, c), [b]);
    assert.deepEqual(await templates.evict(0, c), [a]);
    assert.deepEqual(
      (await templates.list()).map(({ manifest }) => manifest.id),
      [c],
    );
  });

  test("half-made and half-removed ones are cleared away", async (t) => {
    const templates = store(t);
    const id = await add(templates, "a");
    for (const name of [".0123456789ab.staging-1234", ".ba9876543210.staging-deleted"]) {
      mkdirSync(join(templates.directory, name));
    }
    await templates.removeLeftovers();
    assert.deepEqual(readdirSync(templates.directory), [id]);
  });
});

test("a template's key changes with the image and with what the driver says", () => {
  const keys = new Set([templateKey("a", "x"), templateKey("b", "x"), templateKey("a", "y")]);
  assert.equal(keys.size, 3);
  assert.notEqual(templateId("k", gib), templateId("k", 2 * gib));
});
