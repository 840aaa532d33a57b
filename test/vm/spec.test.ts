import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { configSchema } from "../../src/model/config.ts";
import { applyPending, changedSpec, defaultSpec, difference, resolveSpec } from "../../src/vm/spec.ts";
import { throwsWith } from "../support/faults.ts";

const mib = 2 ** 20;
const gib = 2 ** 30;
const usual = configSchema.parse({});
const configured = (vm_defaults: { vcpu?: number; memory?: string; disk?: string }) =>
  configSchema.parse({ vm_defaults });
const host = { cpus: 8, memory: 16 * gib };
const plain = { vcpu: 2, memory: 2 * gib, disk: 8 * gib, nat: false };

describe("the default size", () => {
  test("is a quarter of the processors and an eighth of the memory, within bounds", () => {
    const of = (cpus: number, memory: number) => {
      const { vcpu, memory: bytes } = defaultSpec({ cpus, memory }, usual);
      return [vcpu, bytes / mib];
    };
    assert.deepEqual(of(1, gib), [1, 512]);
    assert.deepEqual(of(2, 8 * gib), [1, 1024]);
    assert.deepEqual(of(8, 16 * gib), [2, 2048]);
    assert.deepEqual(of(64, 256 * gib), [4, 8192]);
    assert.deepEqual(of(3, 23.3 * gib), [1, 2982]);
    assert.equal(defaultSpec(host, usual).disk, 8 * gib);
    assert.equal(defaultSpec(host, usual).nat, false);
  });

  test("always fits the host it is for, from 512 MiB upwards", () => {
    const hosts = fc.record({
      cpus: fc.integer({ min: 1, max: 1024 }),
      memory: fc.integer({ min: 512 * mib, max: 2 ** 45 }),
    });
    fc.assert(
      fc.property(hosts, (any) => {
        const spec = resolveSpec({}, any, usual);
        assert.equal(spec.memory % mib, 0);
        assert.ok(spec.vcpu <= any.cpus && spec.memory <= any.memory);
      }),
    );
  });

  test("is what the configuration says", () => {
    const config = configured({ vcpu: 3, memory: "1.5G", disk: "10G" });
    assert.deepEqual(defaultSpec(host, config), { vcpu: 3, memory: 1536 * mib, disk: 10 * gib, nat: false });
  });

  test("names a key of the configuration that is no size", () => {
    throwsWith(
      () => defaultSpec(host, configured({ memory: "lots" })),
      "invalid_value",
      'vm_defaults.memory is "lots", expected a size such as 512M, 4G or 1.5GiB',
    );
  });
});

describe("the size of a new machine", () => {
  const image = { name: "big", size: 9 * gib + 1 };

  test("is what was asked for, whole MiB", () => {
    const request = { vcpu: 8, memory: 200 * mib + 1, disk: 20 * gib + 1, nat: true };
    assert.deepEqual(resolveSpec(request, host, usual, image), {
      vcpu: 8,
      memory: 201 * mib,
      disk: 20 * gib + mib,
      nat: true,
    });
  });

  test("has a disk that holds the image when none was asked for", () => {
    assert.equal(resolveSpec({}, host, usual, image).disk, 9 * gib + mib);
  });

  test("says what does not fit and what does", () => {
    const cases = [
      [
        { disk: 9 * gib },
        "a disk of 9 GiB does not hold the image big of 9 GiB",
        "Give --disk 9217M or more",
      ],
      [{ vcpu: -1 }, "a machine cannot have -1 processors", "Give --vcpu 1 or more"],
      [
        { vcpu: 9 },
        "a machine with 9 processors does not fit this host, which has 8",
        "Give --vcpu 8 or less",
      ],
      [
        { memory: 127 * mib },
        "127 MiB of memory is not enough: a machine needs 128 MiB",
        "Give --memory 128M or more",
      ],
      [
        { memory: 16 * gib + 1 },
        "16 GiB of memory does not fit this host, which has 16 GiB",
        "Give --memory 16384M or less",
      ],
      [{ disk: 2 ** 44 + 1 }, "a disk of 16 TiB is larger than ext4's 16 TiB", "Give --disk 16T or less"],
    ] as const;
    for (const [request, message, remedy] of cases) {
      const error = throwsWith(() => resolveSpec(request, host, usual, image), "vm_spec_invalid", message);
      assert.deepEqual([error.remedy, error.exit], [remedy, 2]);
    }
    assert.equal(resolveSpec({ disk: 2 ** 44 }, host, usual, image).disk, 2 ** 44);
    assert.equal(resolveSpec({ memory: 128 * mib }, host, usual, image).memory, 128 * mib);
  });

  test("holds the limits of a default from the configuration, too", () => {
    throwsWith(
      () => resolveSpec({}, host, configured({ vcpu: 9 })),
      "vm_spec_invalid",
      "a machine with 9 processors does not fit this host, which has 8",
    );
  });
});

describe("a change of size", () => {
  test("leaves alone what is not named, also what this host could not give", () => {
    const large = { vcpu: 64, memory: 64 * gib, disk: 8 * gib, nat: false };
    assert.deepEqual(changedSpec("dev", large, { nat: true }, host), { ...large, nat: true });
  });

  test("never makes a disk smaller", () => {
    throwsWith(
      () => changedSpec("dev", plain, { disk: 4 * gib }, host),
      "vm_disk_shrink",
      'the disk of vm "dev" is 8 GiB and cannot shrink to 4 GiB',
    );
    assert.deepEqual(changedSpec("dev", plain, { disk: 8 * gib }, host), plain);
  });

  test("and what waits for a restart are two views of one thing", () => {
    const specs = fc.record({
      vcpu: fc.integer({ min: 1, max: 3 }),
      memory: fc.integer({ min: 1, max: 3 }),
      disk: fc.integer({ min: 1, max: 3 }),
      nat: fc.boolean(),
    });
    fc.assert(
      fc.property(specs, specs, (from, to) => {
        const pending = difference(from, to);
        assert.deepEqual(applyPending(from, pending), { ...to });
        assert.equal(pending === undefined, JSON.stringify(from) === JSON.stringify(to));
      }),
    );
  });
});
