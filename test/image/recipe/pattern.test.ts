import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { matcher } from "../../../src/image/recipe/pattern.ts";

describe("matcher", () => {
  test("without patterns matches nothing", () => {
    assert.equal(matcher([], "anything")(""), false);
    assert.equal(matcher([], "component")("/"), false);
  });

  test("takes everything but the star as it stands", () => {
    const isMatch = matcher(["/etc/a.b+c[d](e)|f^g$h?i\\j{k}"], "component");
    assert.ok(isMatch("/etc/a.b+c[d](e)|f^g$h?i\\j{k}"));
    assert.ok(!isMatch("/etc/aXb+c[d](e)|f^g$h?i\\j{k}"));
  });

  test("matches whole paths, not parts of them", () => {
    const isMatch = matcher(["/etc/hostname", "/a"], "anything");
    assert.ok(isMatch("/etc/hostname"));
    assert.ok(!isMatch("/etc/hostname.bak"));
    assert.ok(!isMatch("/root/etc/hostname"));
    assert.ok(!isMatch("/ab"));
  });

  test("lets a star stand for slashes only where dpkg would", () => {
    const path = "/usr/share/doc/git/contrib/README";
    assert.ok(matcher(["/usr/share/doc/*"], "anything")(path));
    assert.ok(!matcher(["/usr/share/doc/*"], "component")(path));
    assert.ok(matcher(["/usr/share/doc/*/copyright"], "anything")("/usr/share/doc/a/b/copyright"));
    assert.ok(!matcher(["/usr/share/doc/*/copyright"], "component")("/usr/share/doc/a/b/copyright"));
    assert.ok(matcher(["/etc/ssh/ssh_host_*"], "component")("/etc/ssh/ssh_host_rsa_key"));
  });

  test("lets a star stand for nothing, and for a newline", () => {
    assert.ok(matcher(["/a*"], "component")("/a"));
    assert.ok(matcher(["/a*b"], "component")("/a\nb"));
    assert.ok(matcher(["/a*b"], "anything")("/a\n/b"));
  });

  test("agrees with a matcher that tries every split, for any patterns", () => {
    const piece = fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "\n"), maxLength: 6 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "*"), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), piece, fc.boolean(), (patterns, path, slashes) => {
        const expected = patterns.some((each) => matches(each, path, slashes));
        assert.equal(matcher(patterns, slashes ? "anything" : "component")(path), expected);
      }),
      { numRuns: 500 },
    );
  });
});

function matches(pattern: string, path: string, slashes: boolean): boolean {
  if (pattern === "") return path === "";
  if (pattern[0] !== "*") return pattern[0] === path[0] && matches(pattern.slice(1), path.slice(1), slashes);
  for (let taken = 0; taken <= path.length; taken += 1) {
    if (matches(pattern.slice(1), path.slice(taken), slashes)) return true;
    if (path[taken] === "/" && !slashes) return false;
  }
  return false;
}
