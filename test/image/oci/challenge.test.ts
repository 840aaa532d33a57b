import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseChallenges } from "../../../src/image/oci/challenge.ts";

function plain(header: string | undefined): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("the challenges of a header", () => {
  test("have their parameters, quoted or not", () => {
    const header = 'Bearer realm="https://auth.io/token",service=reg.io,scope="repository:a/b:pull,push"';
    const parameters = {
      realm: "https://auth.io/token",
      service: "reg.io",
      scope: "repository:a/b:pull,push",
    };
    assert.deepEqual(plain(header), [["bearer", parameters]]);
  });

  test("may be several in one header", () => {
    assert.deepEqual(plain('Basic realm="a, b", Negotiate, BEARER Realm = "x\\"y"'), [
      ["basic", { realm: "a, b" }],
      ["negotiate", {}],
      ["bearer", { realm: 'x"y' }],
    ]);
  });

  test("are none without a header, or where it makes no sense", () => {
    assert.deepEqual(plain(undefined), []);
    assert.deepEqual(plain(""), []);
    assert.deepEqual(plain('realm="x"'), []);
  });

  test("come back from any values", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
    const value = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(token, value, { minKeys: 1, noNullPrototype: true }), (parameters) => {
        const quoted = Object.entries(parameters).map(
          ([name, text]) => `${name}="${text.replace(/["\\]/g, "\\$&")}"`,
        );
        assert.deepEqual(plain(`Bearer ${quoted.join(", ")}`), [["bearer", parameters]]);
      }),
    );
  });

  test("of hostile bytes are read in no time", () => {
    for (const header of [
      "a".repeat(100_000),
      'b="'.repeat(50_000),
      `c="${"\\".repeat(100_000)}`,
      " = ".repeat(40_000),
    ]) {
      assert.ok(parseChallenges(header).length <= 16 * 1024);
    }
    fc.assert(fc.property(fc.string(), (text) => parseChallenges(text).every(({ scheme }) => scheme !== "")));
  });
});
