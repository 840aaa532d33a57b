import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePort, parseTarget } from "../../../src/cli/args/target.ts";
import { throwsWith } from "../../support/faults.ts";

test("a target is a port, an address with a port, or a path", () => {
  assert.deepEqual(parseTarget("22"), { port: 22 });
  assert.deepEqual(parseTarget("10.0.2.15:80"), { port: 80, address: "10.0.2.15" });
  assert.deepEqual(parseTarget("[::1]:443"), { port: 443, address: "::1" });
  assert.deepEqual(parseTarget("/run/docker.sock"), { path: "/run/docker.sock" });
});

test("anything else is said", () => {
  for (const text of ["", "0", "65536", "http", "localhost:80", "1:2:3", "::1:80", "80 ", "-1", "1e3"]) {
    throwsWith(
      () => parseTarget(text),
      "invalid_value",
      `TARGET is ${JSON.stringify(text)}, expected a port from 1 to 65535, ADDRESS:PORT, or an absolute path`,
    );
  }
});

test("every port is read, and nothing beyond", () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 100_000 }), (number) => {
      const wanted = number >= 1 && number <= 65_535 ? number : undefined;
      assert.equal(parsePort(String(number)), wanted);
    }),
  );
});
