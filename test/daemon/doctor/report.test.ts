import assert from "node:assert/strict";
import { test } from "node:test";
import { hostChecks } from "../../../src/daemon/doctor/checks.ts";
import { type Check, examine } from "../../../src/daemon/doctor/report.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { resolvePaths } from "../../../src/lib/paths.ts";
import { configSchema } from "../../../src/model/config.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const signal = new AbortController().signal;

test("a report has every finding, in the order of the checks", async () => {
  const checks: Check[] = [
    { id: "slow", title: "Slow", look: async () => ({ verdict: "pass", detail: "fine" }) },
    { id: "bad", title: "Bad", look: async () => ({ verdict: "warn", detail: "hm", remedy: "Look" }) },
  ];
  assert.deepEqual(await examine(checks, signal), {
    checks: [
      { id: "slow", title: "Slow", verdict: "pass", detail: "fine" },
      { id: "bad", title: "Bad", verdict: "warn", detail: "hm", remedy: "Look" },
    ],
  });
});

test("a check that cannot be carried out has failed, with the error's message and remedy", async () => {
  const check: Check = {
    id: "qemu",
    title: "QEMU",
    look: async () => {
      throw fault("tool_missing", { tool: "qemu-system-x86_64", package: "qemu-system-x86" });
    },
  };
  const [finding] = (await examine([check], signal)).checks;
  assert.equal(finding?.verdict, "fail");
  assert.equal(finding?.detail, 'the program "qemu-system-x86_64" was not found');
  assert.match(String(finding?.remedy), /apt-get install qemu-system-x86/);
});

test("the host's own checks say what they looked at", async (t) => {
  const home = temporaryDirectory(t);
  const paths = { ...resolvePaths({ HOME: home }), state: home, cache: home };
  const examined = {
    paths,
    config: configSchema.parse({}),
    accelerator: async () => ({ verdict: "warn" as const, detail: "software emulation" }),
    qemuVersion: async () => "7.2.22",
    defaultImage: async () => "catalog" as const,
    names: async () => ({ verdict: "pass" as const, detail: "names resolve" }),
    releaseExpiry: async () => "expiry checked",
  };
  const { checks } = await examine(hostChecks(examined), signal);
  const detail = (id: string): string => checks.find((check) => check.id === id)?.detail ?? "";
  assert.deepEqual(
    checks.map(({ id }) => id),
    [
      "architecture",
      "host-packages",
      "qemu",
      "accelerator",
      "state",
      "cache",
      "archive",
      "names",
      "default-image",
    ],
  );
  assert.equal(detail("qemu"), "7.2.22");
  assert.equal(detail("archive"), "http://deb.debian.org/debian, expiry checked");
  assert.equal(detail("default-image"), "debian-bookworm is made when it is first needed");
  assert.match(detail("state"), / free$/);

  const unknown = { ...examined, defaultImage: async () => "unknown" as const };
  const again = await examine(hostChecks(unknown), signal);
  assert.equal(again.checks.at(-1)?.verdict, "fail");
  assert.equal(again.checks.at(-1)?.detail, "debian-bookworm is neither local nor in the catalog");
});
