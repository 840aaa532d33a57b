import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatReference, isExplicitReference, parseReference } from "../../../src/image/oci/reference.ts";
import { BangerError } from "../../../src/lib/errors/error.ts";
import { throwsWith } from "../../support/faults.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("a reference", () => {
  const cases: [text: string, full: string][] = [
    ["alpine", "docker.io/library/alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20"],
    ["docker.io/alpine", "docker.io/library/alpine:latest"],
    ["index.docker.io/alpine", "docker.io/library/alpine:latest"],
    ["grafana/grafana", "docker.io/grafana/grafana:latest"],
    ["ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"],
    ["localhost/x", "localhost/x:latest"],
    ["localhost:5000/team/dev:1", "localhost:5000/team/dev:1"],
    ["127.0.0.1:5000/dev", "127.0.0.1:5000/dev:latest"],
    ["[::1]:5000/dev", "[::1]:5000/dev:latest"],
    [`quay.io/x/y@${digest}`, `quay.io/x/y@${digest}`],
    [`quay.io/x/y:old@${digest}`, `quay.io/x/y@${digest}`],
    ["a/b__c/d-e--f", "docker.io/a/b__c/d-e--f:latest"],
  ];
  for (const [text, full] of cases) {
    test(`${text.slice(0, 40)} means ${full.slice(0, 40)}`, () => {
      assert.equal(formatReference(parseReference(text)), full);
    });
  }

  const wrong: [text: string, problem: string][] = [
    ["", "its repository is not made of lower-case letters and digits with . _ - between them"],
    ["Alpine", "its repository is not made of lower-case letters and digits with . _ - between them"],
    ["ghcr.io/", "its repository is not made of lower-case letters and digits with . _ - between them"],
    ["ghcr.io/a//b", "its repository is not made of lower-case letters and digits with . _ - between them"],
    ["ghcr.io/../b", "its repository is not made of lower-case letters and digits with . _ - between them"],
    ["alpine:", "its tag is not one"],
    ["alpine:a b", "its tag is not one"],
    ["alpine@sha512:00", 'what follows "@" is not sha256: and 64 hexadecimal digits'],
    [`a@${digest}@${digest}`, 'it has more than one "@"'],
    ["-x.io/a", "its registry is not a host"],
    ["host:port/a", "its registry is not a host"],
    ["user:pw@host.io/a", 'what follows "@" is not sha256: and 64 hexadecimal digits'],
  ];
  for (const [text, problem] of wrong) {
    test(`${JSON.stringify(text.slice(0, 40))} is refused`, () => {
      const message = `${JSON.stringify(text)} is not an image reference: ${problem}`;
      throwsWith(() => parseReference(text), "image_reference_invalid", message);
    });
  }

  test("that is too long is refused", () => {
    throwsWith(() => parseReference("a".repeat(513)), "image_reference_invalid", /more than 512 characters$/);
  });

  test("in full means itself, and nothing else is thrown than that it is none", () => {
    const piece = fc.constantFrom(
      "a",
      "b.c",
      "localhost",
      ":",
      "/",
      "@",
      digest,
      "5000",
      "-",
      "A",
      " ",
      "..",
      "[::1]",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        try {
          const full = formatReference(parseReference(pieces.join("")));
          assert.equal(formatReference(parseReference(full)), full);
          assert.doesNotMatch(full, /\.\.\/|\/\.\.|[\s?#%]/);
        } catch (error) {
          assert.ok(error instanceof BangerError && error.code === "image_reference_invalid", String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("is explicit when a bare word cannot be meant", () => {
    assert.deepEqual(["alpine", "debian-12", "a:b", "a/b", "a@b"].map(isExplicitReference), [
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});
