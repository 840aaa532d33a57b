import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { vmStates } from "../../src/model/vm.ts";
import { Database } from "../../src/store/database.ts";
import { type VmRecord, VmRepository } from "../../src/store/vm-repository.ts";

const plain: VmRecord = {
  id: "0123456789ab",
  name: "otter",
  state: "created",
  image: { id: "aaaaaaaaaaaa", name: "debian-bookworm" },
  kernel: "generic-6.1",
  driver: "qemu",
  spec: { vcpu: 1, memory: 512 * 2 ** 20, disk: 8 * 2 ** 30, nat: false },
  provisioned: false,
  ephemeral: false,
  createdAt: "2026-01-01T00:00:00.000Z",
};

describe("the repository of machines", () => {
  let directory = "";
  let database: Database;
  let vms: VmRepository;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "banger-vms-"));
    database = Database.open(join(directory, "state.db"));
    vms = new VmRepository(database);
  });
  afterEach(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const text = fc.string({ unit: "binary", maxLength: 20 }).map((s) => s.replaceAll("\0", ""));
  const size = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const records: fc.Arbitrary<VmRecord> = fc.record({
    id: fc.stringMatching(/^[0-9a-f]{12}$/),
    name: text,
    state: fc.constantFrom(...vmStates),
    reason: optional(text),
    image: fc.record({ id: text, name: text }),
    kernel: text,
    driver: text,
    spec: fc.record({ vcpu: size, memory: size, disk: size, nat: fc.boolean() }),
    pending: optional(fc.record({ vcpu: size, nat: fc.boolean() }, { requiredKeys: [] })),
    disk: optional(fc.record({ path: text, format: fc.constantFrom("raw", "qcow2"), size })),
    runtime: optional(fc.dictionary(text, fc.jsonValue())),
    timing: optional(fc.array(fc.record({ phase: text, ms: fc.integer() }), { maxLength: 3 })),
    provisioned: fc.boolean(),
    ephemeral: fc.boolean(),
    createdAt: text,
    startedAt: optional(text),
  });

  const normal = (record: VmRecord | undefined) => record && JSON.parse(JSON.stringify(record));

  test("gives back what was put in, whatever it was", () => {
    fc.assert(
      fc.property(records, (record) => {
        database.run("DELETE FROM vms");
        vms.insert(record);
        assert.deepEqual(normal(vms.get(record.id)), normal(record));
        assert.deepEqual(normal(vms.byName(record.name)), normal(record));
        assert.equal(vms.delete(record.id), true);
        assert.equal(vms.get(record.id), undefined);
      }),
      { numRuns: 60 },
    );
  });

  test("lists the oldest first, and names in order", () => {
    vms.insert({ ...plain, id: "b", name: "young", createdAt: "2026-01-02T00:00:00.000Z" });
    vms.insert({ ...plain, id: "c", name: "old" });
    vms.insert({ ...plain, id: "a", name: "alike" });
    assert.deepEqual(
      vms.all().map((vm) => vm.name),
      ["alike", "old", "young"],
    );
    assert.deepEqual(vms.names(), ["alike", "old", "young"]);
  });

  test("refuses a name that is taken, and changes nothing", () => {
    vms.insert(plain);
    assert.throws(() => vms.insert({ ...plain, id: "ffffffffffff" }), {
      code: "vm_name_taken",
      message: 'a vm named "otter" exists already',
    });
    assert.equal(vms.all().length, 1);
  });

  test("changes what is given, clears what is undefined, and keeps the rest", () => {
    vms.insert({ ...plain, reason: "old", startedAt: "then" });
    const next = vms.update(plain.id, { state: "running", reason: undefined, runtime: { pid: 1 } });
    const expected: VmRecord = { ...plain, startedAt: "then", state: "running", runtime: { pid: 1 } };
    assert.deepEqual(normal(next), normal({ ...expected }));
    assert.deepEqual(normal(vms.get(plain.id)), expected);
  });

  test("changes nothing of a machine that is gone", () => {
    assert.equal(vms.update(plain.id, { state: "stopped" }), undefined);
    assert.equal(vms.delete(plain.id), false);
  });

  test("finds by the beginning of an id, taken literally", () => {
    vms.insert(plain);
    vms.insert({ ...plain, id: "0123ffffffff", name: "badger" });
    const found = (prefix: string) => vms.byIdPrefix(prefix).map((vm) => vm.name);
    assert.deepEqual(found("0123"), ["badger", "otter"]);
    assert.deepEqual(found("01234"), ["otter"]);
    assert.deepEqual(found("9"), []);
    assert.deepEqual(found("0123%"), []);
    assert.deepEqual(found("____"), []);
  });

  test("names the machines of an image and of a kernel", () => {
    vms.insert(plain);
    vms.insert({ ...plain, id: "b", name: "badger", kernel: "generic-6.12" });
    vms.insert({ ...plain, id: "c", name: "crow", image: { id: "bbbbbbbbbbbb", name: "other" } });
    assert.deepEqual(vms.namesByImage("aaaaaaaaaaaa"), ["badger", "otter"]);
    assert.deepEqual(vms.namesByKernel("generic-6.1"), ["crow", "otter"]);
    assert.deepEqual(vms.namesByImage("none"), []);
  });

  test("says which field of which machine is damaged", () => {
    vms.insert(plain);
    for (const [change, problem] of [
      ["spec = '{\"vcpu\":'", "spec: not JSON"],
      ["spec = '{}'", "spec.vcpu: Invalid input: expected number, received undefined"],
      [
        "spec = json_object('vcpu',1,'memory',1,'disk',1,'nat',json('true')), provisioned = 2",
        "provisioned: Invalid input",
      ],
    ]) {
      database.run(`UPDATE vms SET ${change}`);
      assert.throws(() => vms.all(), {
        code: "database_corrupt",
        message: `the database "${database.path}" is damaged: machine ${plain.id}: ${problem}`,
      });
    }
  });
});
