import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { splitPath } from "../../src/archive/path.ts";
import { throwsWith } from "../support/faults.ts";

function split(path: string, options?: Parameters<typeof splitPath>[1]): string[] {
  return splitPath(Buffer.from(path), options).map(String);
}

describe("splitPath", () => {
  test("gives the names in a path", () => {
    assert.deepEqual(split("etc/apt/sources.list"), ["etc", "apt", "sources.list"]);
    assert.deepEqual(split("./etc//apt/./"), ["etc", "apt"]);
    assert.deepEqual(split("..."), ["..."]);
    assert.deepEqual(split("a/..b/.c"), ["a", "..b", ".c"]);
  });

  test("gives nothing for the root", () => {
    for (const root of ["", ".", "./", "././/."]) assert.deepEqual(split(root), []);
  });

  test("keeps bytes that are not UTF-8", () => {
    const path = Buffer.from([0xff, 0x2f, 0x0a, 0xfe]);
    assert.deepEqual(splitPath(path), [Buffer.from([0xff]), Buffer.from([0x0a, 0xfe])]);
  });

  test("refuses every way out of the folder", () => {
    const message = (path: string): string => `the archive holds the path "${path}", which has ".." in it`;
    for (const path of ["..", "../x", "a/..", "a/../b", "a/../../b", "./../x"]) {
      throwsWith(() => split(path), "archive_path_unsafe", message(path));
    }
  });

  test("refuses absolute paths unless they shall be stripped", () => {
    throwsWith(
      () => split("/etc/passwd"),
      "archive_path_unsafe",
      'the archive holds the path "/etc/passwd", which is absolute',
    );
    assert.deepEqual(split("//etc/passwd", { absolute: "strip" }), ["etc", "passwd"]);
    throwsWith(() => split("/../etc", { absolute: "strip" }), "archive_path_unsafe", /has "\.\." in it/);
  });

  test("refuses names that no Linux file system has", () => {
    assert.deepEqual(split(`a/${"b".repeat(255)}`), ["a", "b".repeat(255)]);
    throwsWith(() => split(`a/${"b".repeat(256)}`), "archive_path_unsafe", /has a name of 256 bytes in it$/);
    throwsWith(
      () => split("a\0b"),
      "archive_path_unsafe",
      'the archive holds the path "a\\u0000b", which has a NUL in it',
    );
  });

  test("gives names that, joined, give the same names again, and none that leads anywhere", () => {
    const part = fc.oneof(fc.constantFrom("", ".", "..", "..."), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const path = Buffer.from(parts.join("/"));
        let names: Buffer[];
        try {
          names = splitPath(path);
        } catch {
          const joined = path.toString("latin1");
          assert.match(joined, /^\/|(^|\/)\.\.(\/|$)|\0/);
          return;
        }
        assert.ok(names.every((name) => name.length > 0 && !name.includes("/")));
        assert.ok(!names.some((name) => [".", ".."].includes(name.toString("latin1"))));
        assert.deepEqual(splitPath(Buffer.from(names.join("/"))), names);
      }),
    );
  });
});
