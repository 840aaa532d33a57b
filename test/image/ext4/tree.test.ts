import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { newInode } from "../../../src/image/ext4/inode.ts";
import { Directory, directoriesOf, follow, type Leaf, pathOf, walk } from "../../../src/image/ext4/tree.ts";

const attributes = { mode: 0, uid: 0, gid: 0, modified: { seconds: 0, nanoseconds: 0 } };
const root = new Directory("", newInode(2, "directory", attributes));
const etc = add(root, "etc");
const init = add(etc, "init");
const other = add(root, "other");
link("relative", "etc/init");
link("absolute", "/etc");
link("outside", "../../etc");
link("self", "self");
link("chain", "absolute/init");
root.children.set("file", leaf(undefined));
etc.children.set("absolute", leaf("/other"));
etc.children.set("relative", leaf("init"));

const never = (): undefined => undefined;

describe("walking a tree", () => {
  const cases: [string[], Directory | string][] = [
    [[], root],
    [["etc", "init"], init],
    [["relative"], init],
    [["absolute", "init"], init],
    [["outside"], etc],
    [["chain"], init],
    [["other"], other],
    [["etc", "absolute"], other],
    [["etc", "relative"], init],
    [["self"], "leads through too many symbolic links"],
    [["file"], "is inside something that is not a directory"],
    [["etc", "none"], "is in a directory that is not there"],
  ];
  for (const [components, expected] of cases) {
    test(`/${components.join("/")}`, () => {
      const found = walk(root, components, never);
      if (expected instanceof Directory) assert.equal(found, expected);
      else assert.deepEqual(found, { problem: expected });
    });
  }

  test("what is missing can be made, also behind a link", () => {
    const asked: string[] = [];
    const found = walk(root, ["absolute", "new", "er"], (parent, name) => {
      asked.push(`${pathOf(parent)} ${name}`);
      return new Directory(name, newInode(9, "directory", attributes), parent);
    });
    assert.deepEqual(asked, ["/etc new", "/etc/new er"]);
    assert.ok(found instanceof Directory && found.name === "er");
  });

  test("whatever a link's target is, the walk ends, inside the tree", () => {
    const part = fc.constantFrom("..", ".", "", "etc", "init", "wild", "absolute", "file", "none");
    const inside = new Set(directoriesOf(root));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.boolean(), (parts, slash) => {
        link("wild", (slash ? "/" : "") + parts.join("/"));
        const found = walk(root, ["wild"], never);
        assert.ok(found instanceof Directory ? inside.has(found) : found.problem.length > 0);
      }),
    );
    root.children.delete("wild");
  });
});

describe("following a path", () => {
  const cases: [path: string, name: string | undefined][] = [
    ["file", "file"],
    ["relative/no", undefined],
    ["relative", undefined],
    ["absolute", undefined],
    ["self", undefined],
    ["etc", undefined],
    ["", undefined],
    ["to-file", "file"],
    ["etc/to-file", "file"],
    ["etc/up", "file"],
    ["twice", "file"],
    ["dangling", undefined],
    ["through-file", undefined],
  ];
  link("to-file", "file");
  link("twice", "absolute/up");
  link("dangling", "nowhere");
  link("through-file", "file/x");
  etc.children.set("to-file", leaf("/file"));
  etc.children.set("up", leaf("../../file"));
  for (const [path, name] of cases) {
    test(`${path || "the root"} leads to ${name ?? "no file"}`, () => {
      const found = follow(root, path === "" ? [] : path.split("/"));
      assert.equal(found?.name, name);
      if (found) assert.equal(found.leaf, root.children.get("file"));
    });
  }
});

describe("directories of a tree", () => {
  test("come before those in them, in the order of adding", () => {
    assert.deepEqual([...directoriesOf(root)].map(pathOf), ["/", "/etc", "/etc/init", "/other"]);
  });

  test("the path of one is shown as UTF-8", () => {
    assert.equal(pathOf(new Directory("\xc3\xb6", init.inode, etc)), "/etc/ö");
  });
});

function add(parent: Directory, name: string): Directory {
  const directory = new Directory(name, newInode(3, "directory", attributes), parent);
  parent.children.set(name, directory);
  return directory;
}

function link(name: string, target: string): void {
  root.children.set(name, leaf(target));
}

function leaf(target: string | undefined): Leaf {
  return { inode: newInode(4, target === undefined ? "file" : "symlink", attributes), target };
}
