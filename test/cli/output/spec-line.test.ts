import assert from "node:assert/strict";
import { test } from "node:test";
import { specLine } from "../../../src/cli/output/spec-line.ts";

const defaults = { image: "debian-bookworm", vcpu: 1, memory: 2.9 * 2 ** 30, disk: 2 ** 33 };

test("a machine of defaults is told as what they come to", () => {
  assert.equal(specLine({}, defaults), "spec: 1 vcpu · 2.9 GiB memory · 8 GiB disk · debian-bookworm");
});

test("what is asked for stands in place of the defaults", () => {
  const request = { vcpu: 4, memory: 2 ** 32, disk: 2 ** 34, image: "x", kernel: "generic-6.12", nat: true };
  assert.equal(
    specLine(request, defaults),
    "spec: 4 vcpu · 4 GiB memory · 16 GiB disk · x · generic-6.12 · nat",
  );
});
