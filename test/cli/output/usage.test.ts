import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sortUsage, type Usage, usageBetween, usageTable } from "../../../src/cli/output/usage.ts";
import { sampleStats } from "../../support/fake-services.ts";

const later = {
  ...sampleStats,
  at: sampleStats.at + 2000,
  host: { ...sampleStats.host, cpu: 5500 },
  guest: {
    ...sampleStats.guest,
    uptime: 62_000,
    cpu: { busy: 4500, total: 62_000, count: 1 },
    network: { received: 3000, sent: 500 },
  },
  channel: { received: 12_000, sent: 20_400 },
};

describe("rates", () => {
  test("come from two looks and the time between them", () => {
    const [usage] = usageBetween([sampleStats], [later]);
    assert.deepEqual(usage?.rates, { hostCpu: 0.25, guestCpu: 0.25, received: 2000, sent: 200 });
  });

  test("are unknown for a machine that was not there, or was restarted in between", () => {
    assert.deepEqual(usageBetween([], [later])[0]?.rates, {});
    const restarted = {
      ...later,
      host: { cpu: 10 },
      guest: { uptime: 5 },
      channel: { received: 0, sent: 0 },
    };
    assert.deepEqual(usageBetween([sampleStats], [restarted])[0]?.rates, {});
  });

  test("are unknown where a look did not tell", () => {
    const { host: _, guest: __, ...bare } = later;
    assert.deepEqual(usageBetween([sampleStats], [bare])[0]?.rates, { received: 500 });
  });
});

describe("the table of usage", () => {
  test("has a dash for what is not known", () => {
    const { host: _, guest: __, disk: ___, channel: ____, ...stopped } = sampleStats;
    const usage: Usage[] = [
      ...usageBetween([sampleStats], [later]),
      { ...stopped, name: "old", state: "stopped", rates: {} },
    ];
    assert.equal(
      usageTable(usage, undefined),
      [
        "NAME  STATE    HOST CPU  GUEST CPU     GUEST MEMORY  PRIVATE  SHARED   DISK   NET IN  NET OUT",
        "dev   running    25.0 %     25.0 %  256 MiB / 1 GiB  200 MiB  30 MiB  1 MiB  2 KiB/s  200 B/s",
        "old   stopped         -          -                -        -       -      -        -        -",
        "",
      ].join("\n"),
    );
  });

  test("is sorted with the busiest first, or by name", () => {
    const make = (name: string, hostCpu: number, memory: number, allocated: number): Usage => ({
      ...sampleStats,
      name,
      host: { cpu: 0, memory: { private: memory, shared: 0, proportional: 0 } },
      disk: { allocated, size: 1 },
      rates: { hostCpu },
    });
    const usage = [make("b", 0.1, 3, 1), make("a", 0.1, 1, 3), make("c", 0.5, 2, 2)];
    const names = (by: "cpu" | "memory" | "disk" | "name"): string =>
      sortUsage(usage, by)
        .map(({ name }) => name)
        .join("");
    assert.deepEqual(
      [names("cpu"), names("memory"), names("disk"), names("name")],
      ["cab", "bca", "acb", "abc"],
    );
  });
});
