import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ModuleGraph, moduleName } from "../../../src/kernel/modules/dependencies.ts";

const graph = new ModuleGraph(
  `kernel/a.ko: kernel/c.ko kernel/b.ko
kernel/b.ko: kernel/c.ko
kernel/c.ko:
kernel/x/virtio-rng.ko.xz: kernel/a.ko
`,
  "kernel/fs/ext4/ext4.ko\nkernel/crc-32.ko\n",
);

describe("the load order of modules", () => {
  test("puts what a module needs before it, each once", () => {
    assert.deepEqual(graph.loadOrder(["a"]), ["kernel/c.ko", "kernel/b.ko", "kernel/a.ko"]);
    assert.deepEqual(graph.loadOrder(["b", "a", "c"]), ["kernel/c.ko", "kernel/b.ko", "kernel/a.ko"]);
  });

  test("takes a name with hyphens or underscores, compressed or not", () => {
    for (const name of ["virtio_rng", "virtio-rng"]) {
      assert.equal(graph.loadOrder([name]).at(-1), "kernel/x/virtio-rng.ko.xz");
    }
  });

  test("leaves out what is built in or unknown", () => {
    assert.deepEqual(graph.loadOrder(["ext4", "crc_32", "nothing"]), []);
    assert.ok(graph.has("ext4") && graph.isBuiltin("ext4") && graph.has("crc_32"));
    assert.ok(graph.has("a") && !graph.isBuiltin("a"));
    assert.ok(!graph.has("nothing"));
  });

  test("ends even if modules need each other", () => {
    const circle = new ModuleGraph("a.ko: b.ko\nb.ko: a.ko\n", "");
    assert.deepEqual(circle.loadOrder(["a"]), ["b.ko", "a.ko"]);
  });

  test("is right for any graph without circles", () => {
    // Module n needs some of those with a smaller number.
    const needs = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(needs, fc.array(fc.nat(29)), (all, wanted) => {
        const direct = all.map((some, n) => [...new Set(some.filter((m) => m < n))]);
        const dep = direct.map((some, n) => `k/m${n}.ko:${some.map((m) => ` k/m${m}.ko`).join("")}\n`);
        const names = wanted.filter((n) => n < all.length).map((n) => `m${n}`);
        const order = new ModuleGraph(dep.toReversed().join(""), "").loadOrder(names);
        assert.equal(new Set(order).size, order.length);
        for (const name of names) assert.ok(order.includes(`k/${name}.ko`));
        for (const [at, file] of order.entries()) {
          for (const needed of direct[Number(/\d+/.exec(file)?.[0])] ?? []) {
            assert.ok(order.slice(0, at).includes(`k/m${needed}.ko`), `${file} before m${needed}`);
          }
        }
      }),
    );
  });

  test("of any text is made without failing", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (dep, builtin) => {
        new ModuleGraph(dep, builtin).loadOrder([...dep.split(":"), "a"]);
      }),
    );
  });
});

describe("the name of a module", () => {
  for (const [file, name] of [
    ["kernel/drivers/virtio/virtio_pci.ko", "virtio_pci"],
    ["kernel/drivers/char/virtio-rng.ko.xz", "virtio_rng"],
    ["a.ko.zst", "a"],
    ["a", "a"],
  ] as const) {
    test(`of ${file} is ${name}`, () => assert.equal(moduleName(file), name));
  }
});
