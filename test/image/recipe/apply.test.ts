import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TarMember } from "../../../src/archive/tar/entry.ts";
import type { Addition } from "../../../src/image/recipe/additions.ts";
import { applyRecipe } from "../../../src/image/recipe/apply.ts";
import { type Recipe, recipeSchema } from "../../../src/image/recipe/recipe.ts";
import { rejectsWith } from "../../support/faults.ts";

const time = 1_700_000_000;

describe("applyRecipe", () => {
  test("lets everything through that the recipe does not speak of, the very same member", async () => {
    const members = [directory("./"), file("./etc/passwd", "root"), link("./bin", "usr/bin"), odd()];
    const out: TarMember[] = [];
    for await (const member of applyRecipe(stream(members), recipe({}), { time })) out.push(member);
    assert.deepEqual(out, members);
  });

  test("leaves out what is removed, where a star is one component", async () => {
    const paths = await pathsOf(
      [file("./etc/ssh/ssh_host_rsa_key"), file("./etc/ssh/sshd_config"), file("etc/ssh/ssh_host_x/y")],
      { remove: ["/etc/ssh/ssh_host_*"] },
    );
    assert.deepEqual(paths, ["./etc/ssh/sshd_config", "etc/ssh/ssh_host_x/y"]);
  });

  test("leaves out excluded files but not those included again, and no directory", async () => {
    const paths = await pathsOf(
      [
        directory("./usr/share/doc/git/"),
        file("./usr/share/doc/git/README"),
        file("./usr/share/doc/git/copyright"),
        link("./usr/share/doc/git/changelog", "README"),
        directory("./usr/share/man/man1"),
      ],
      { exclude: ["/usr/share/doc/*", "/usr/share/man/*"], include: ["/usr/share/doc/*/copyright"] },
    );
    assert.deepEqual(paths, [
      "./usr/share/doc/git/",
      "./usr/share/doc/git/copyright",
      "./usr/share/man/man1",
      "etc/dpkg/dpkg.cfg.d/banger",
    ]);
  });

  test("tells the machine's dpkg what is left out, so that it stays out", async () => {
    const out = await apply([], { exclude: ["/usr/share/man/*"], include: ["/usr/share/man/man1/sh.1.gz"] });
    assert.equal(
      out.get("etc/dpkg/dpkg.cfg.d/banger"),
      "file 644 # Left out to keep the image small. Remove this file, and reinstall the packages whose files you want.\n" +
        "path-exclude=/usr/share/man/*\npath-include=/usr/share/man/man1/sh.1.gz\n",
    );
  });

  test("disables a unit by leaving out the links that start it", async () => {
    const paths = await pathsOf(
      [
        link(
          "./etc/systemd/system/multi-user.target.wants/docker.service",
          "/lib/systemd/system/docker.service",
        ),
        link("./etc/systemd/system/x.service.requires/docker.service", "/lib/systemd/system/docker.service"),
        link("./etc/systemd/system/sockets.target.wants/docker.socket", "/lib/systemd/system/docker.socket"),
        file("./lib/systemd/system/docker.service"),
      ],
      { disable: ["docker.service"] },
    );
    assert.deepEqual(paths, [
      "./etc/systemd/system/sockets.target.wants/docker.socket",
      "./lib/systemd/system/docker.service",
    ]);
  });

  test("masks units and generators", async () => {
    const out = await apply([], { mask: ["apt-daily.timer"], mask_generators: ["systemd-getty-generator"] });
    assert.deepEqual(Object.fromEntries(out), {
      "etc/systemd/system/apt-daily.timer": "symlink 777 /dev/null",
      "etc/systemd/system-generators/systemd-getty-generator": "symlink 777 /dev/null",
    });
  });

  test("puts files in place of those of packages, at the end and owned by root", async () => {
    const out: TarMember[] = [];
    const changed = recipe({ file: [{ path: "/etc/motd", mode: "0600", content: "hé\n" }] });
    for await (const member of applyRecipe(stream([file("./etc/motd", "old"), file("./z")]), changed, {
      time,
    })) {
      out.push(member);
    }
    assert.deepEqual(
      out.map((member) => member.path.toString()),
      ["./z", "etc/motd"],
    );
    const [, added] = out;
    assert.ok(added);
    assert.deepEqual(
      { ...added, content: undefined, extents: undefined },
      {
        path: Buffer.from("etc/motd"),
        type: "file",
        mode: 0o600,
        uid: 0,
        gid: 0,
        size: 4,
        mtime: { seconds: time, nanoseconds: 0 },
        xattrs: new Map(),
        content: undefined,
        extents: undefined,
      },
    );
    const extents = await collected(added.extents);
    assert.deepEqual(extents, [{ offset: 0, data: Buffer.from("hé\n") }]);
  });

  test("gives an empty file no piece of content", async () => {
    const out = applyRecipe(stream([]), recipe({ file: [{ path: "/a", mode: "0644", content: "" }] }), {
      time,
    });
    for await (const member of out) assert.deepEqual(await collected(member.extents), []);
  });

  test("prefers the later of two additions, and those of the builder to those of the recipe", async () => {
    const two = [
      { path: "/a", mode: "0644", content: "1" },
      { path: "/a", mode: "0644", content: "2" },
      { path: "/b", mode: "0644", content: "1" },
    ];
    const out = await apply([file("./a"), file("./b")], { file: two }, [{ path: "/b", target: "c" }]);
    assert.deepEqual(Object.fromEntries(out), { a: "file 644 2", b: "symlink 777 c" });
  });

  test("refuses a path that leads out of the image", async () => {
    await rejectsWith(
      () => apply([file("./../etc/passwd")], {}),
      "archive_path_unsafe",
      'the archive holds the path "./../etc/passwd", which has ".." in it',
    );
  });
});

function recipe(part: Partial<Recipe>): Recipe {
  const whole = {
    suite: "s",
    components: ["main"],
    libc: "2.36",
    init: "/sbin/init",
    size: "1G",
    journal: "8M",
  };
  return recipeSchema.parse({ ...whole, ...part });
}

async function apply(
  members: TarMember[],
  part: Partial<Recipe>,
  additions: readonly Addition[] = [],
): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for await (const member of applyRecipe(stream(members), recipe(part), { time, additions })) {
    const content = member.link ?? Buffer.concat(await collected(member.content));
    out.set(member.path.toString(), `${member.type} ${member.mode.toString(8)} ${content}`);
  }
  return out;
}

async function pathsOf(members: TarMember[], part: Partial<Recipe>): Promise<string[]> {
  return [...(await apply(members, part)).keys()];
}

async function* stream(members: TarMember[]): AsyncGenerator<TarMember> {
  yield* members;
}

function file(path: string, content = ""): TarMember {
  return member(path, "file", { size: content.length, pieces: [Buffer.from(content)] });
}

function directory(path: string): TarMember {
  return member(path, "directory", {});
}

function link(path: string, target: string): TarMember {
  return member(path, "symlink", { link: Buffer.from(target) });
}

/** A name that is no UTF-8, with attributes. */
function odd(): TarMember {
  const xattrs = new Map([["security.capability", Buffer.from([1, 0, 255])]]);
  return {
    ...member("", "file", {}),
    path: Buffer.from([0x2e, 0x2f, 0xff, 0x0a, 0xfe]),
    mode: 0o4755,
    xattrs,
  };
}

function member(
  path: string,
  type: TarMember["type"],
  { size = 0, link: target, pieces = [] }: { size?: number; link?: Buffer; pieces?: Buffer[] },
): TarMember {
  return {
    path: Buffer.from(path),
    type,
    mode: 0o755,
    uid: 1,
    gid: 2,
    size,
    mtime: { seconds: 1, nanoseconds: 2 },
    ...(target ? { link: target } : {}),
    xattrs: new Map(),
    content: pour(pieces),
    extents: (async function* () {
      yield* pieces.map((data) => ({ offset: 0, data }));
    })(),
  };
}

async function* pour(pieces: Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}
