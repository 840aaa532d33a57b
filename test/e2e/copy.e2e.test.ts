import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { slim, TestHost } from "./support/host.ts";

describe("files of a machine", () => {
  let host: TestHost;
  let work: string;
  before(async () => {
    host = new TestHost();
    work = join(host.home, "work");
    mkdirSync(work);
    writeFileSync(join(work, "token"), "secret");
    mkdirSync(join(host.home, "config/banger"), { recursive: true });
    const entries = [
      `[[file_sync]]\nhost = "${work}/token"\nguest = "~/.config/app/token"`,
      '[[file_sync]]\nhost = "/no/such"\nguest = "~/x"',
    ];
    writeFileSync(join(host.home, "config/banger/config.toml"), entries.join("\n"));
    await host.ok(["vm", "create", "--name", "dev", "--image", slim], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("go in and come back with modes, times, links, holes and names of any bytes", async () => {
    const source = join(work, "tree");
    mkdirSync(join(source, "deep"), { recursive: true });
    writeFileSync(join(source, "deep/file"), "content", { mode: 0o640 });
    linkSync(join(source, "deep/file"), join(source, "deep/second"));
    symlinkSync("../nowhere", join(source, "link"));
    writeFileSync(join(source, "l".repeat(255)), "long");
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0xfe])]), "no UTF-8");
    writeFileSync(join(source, "sparse"), "begin");
    truncateSync(join(source, "sparse"), 500_000_000);
    utimesSync(join(source, "deep"), 1, 1_234_567_890.5);
    chmodSync(join(source, "deep"), 0o2755);

    await host.ok(["vm", "cp", source, "dev:/srv/"]);
    const list = "cd /srv/tree && find . -printf '%P %y %m %u %n %T@\\n' | LC_ALL=C sort";
    const there = await host.guest("dev", list);
    assert.match(there, /^deep d 2755 root 2 1234567890\.5000000000$/m);
    assert.match(there, /^deep\/file f 640 root 2 /m);
    assert.match(there, /^link l 777 root 1 /m);
    assert.equal(await host.guest("dev", "stat -c '%s' /srv/tree/sparse"), "500000000");
    assert.ok(Number(await host.guest("dev", "stat -c '%b' /srv/tree/sparse")) < 1000);

    await host.ok(["vm", "cp", "dev:/srv/tree", join(work, "back")]);
    const names = (path: string): string[] =>
      readdirSync(path, { encoding: "latin1", recursive: true }).toSorted();
    assert.deepEqual(names(join(work, "back")), names(source));
    assert.equal(statSync(join(work, "back/deep/file")).ino, statSync(join(work, "back/deep/second")).ino);
    assert.equal(readlinkSync(join(work, "back/link")), "../nowhere");
    assert.equal(
      statSync(join(work, "back/deep/file"), { bigint: true }).mtimeNs,
      statSync(join(source, "deep/file"), { bigint: true }).mtimeNs,
    );
    assert.ok(statSync(join(work, "back/sparse")).blocks < 1000);
    // No set-id bits for what a machine made.
    assert.equal(statSync(join(work, "back/deep")).mode & 0o7777, 0o755);
  });

  test("are in a new machine where file_sync says so", async () => {
    const list =
      "stat -c '%n %a %U' ~/.config ~/.config/app ~/.config/app/token; cat ~/.config/app/token; ls ~/x";
    const { out } = await host.run(["vm", "exec", "dev", "--", "sh", "-c", list]);
    const [config, app, token, content] = out.split("\n");
    assert.deepEqual(
      [config, app, token, content],
      ["/root/.config 700 root", "/root/.config/app 700 root", "/root/.config/app/token 600 root", "secret"],
    );
  });

  test("keep extended attributes and capabilities, in and out", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root gives capabilities");
    const path = join(work, "caps");
    // CAP_NET_RAW, permitted and effective (capability.h).
    const capability = "0100000200200000000000000000000000000000";
    const set = [
      "import os",
      `open('${path}', 'w').close()`,
      `os.setxattr('${path}', 'user.x=%', b'\\x00\\xff\\n')`,
      `os.setxattr('${path}', 'security.capability', bytes.fromhex('${capability}'))`,
    ].join("\n");
    execFileSync("python3", ["-c", set]);
    await host.ok(["vm", "cp", join(work, "caps"), "dev:/srv/caps"]);
    const { stdout } = await host.run(["vm", "cp", "-a", "dev:/srv/caps", "-"]);
    assert.ok(
      stdout.includes(Buffer.concat([Buffer.from("SCHILY.xattr.user.x%3D%25="), Buffer.from([0, 255, 10])])),
    );
    assert.ok(stdout.includes("SCHILY.xattr.security.capability="));
    await host.ok(["vm", "cp", "dev:/srv/caps", join(work, "caps-back")]);
    const get = `import os,sys; print(sorted(os.listxattr(sys.argv[1])))`;
    assert.equal(String(execFileSync("python3", ["-c", get, join(work, "caps-back")])), "['user.x=%']\n");
  });

  test("replace one file in one step, from standard input and to standard output", async () => {
    await host.guest("dev", "echo old > /srv/one; chmod 600 /srv/one; chown 33:33 /srv/one");
    const before = await host.guest("dev", "stat -c %i /srv/one");
    await host.ok(["vm", "cp", "-", "dev:/srv/one"], { input: "new\n" });
    assert.equal(await host.guest("dev", "stat -c '%a %u %g' /srv/one"), "600 33 33");
    assert.notEqual(await host.guest("dev", "stat -c %i /srv/one"), before);
    assert.equal(await host.ok(["vm", "cp", "dev:/srv/one", "-"]), "new");
    assert.match(await host.ok(["vm", "cp", "dev:/proc/meminfo", "-"]), /^MemTotal:/);
  });

  test("belong to root, to whom they should, or keep their owners", async () => {
    writeFileSync(join(work, "owned"), "x");
    const owner = async (...flags: string[]): Promise<string> => {
      await host.ok(["vm", "cp", ...flags, join(work, "owned"), "dev:/srv/owned"]);
      return await host.guest("dev", "stat -c '%U %G' /srv/owned");
    };
    assert.equal(await owner(), "root root");
    assert.equal(await owner("--owner", "nobody:daemon"), "nobody daemon");
    if (process.getuid?.() === 0) {
      chownSync(join(work, "owned"), 1, 2);
      assert.equal(await owner("--archive"), "daemon bin");
    }
    const { err, status } = await host.run(["vm", "cp", "-o", "no-such", join(work, "owned"), "dev:/srv/x"]);
    assert.equal(status, 1);
    assert.match(err, /error: cannot copy to "\/srv\/x": no user named no-such/);
  });

  test("go from machine to machine, and as archives", async () => {
    await host.guest("dev", "mkdir -p /srv/a && echo 1 > /srv/a/file");
    await host.ok(["vm", "cp", "dev:/srv/a", "dev:/srv/b"]);
    assert.equal(await host.guest("dev", "cat /srv/b/file"), "1");
    const { stdout } = await host.run(["vm", "cp", "-a", "dev:/srv/a", "-"]);
    assert.deepEqual(String(execFileSync("tar", ["-t"], { input: stdout })), "a/\na/file\n");
    await host.guest("dev", "mkdir -p /srv/c");
    await host.ok(["vm", "cp", "-a", "-", "dev:/srv/c"], { input: stdout });
    assert.equal(await host.guest("dev", "cat /srv/c/a/file"), "1");
  });

  test("that do not fit are removed again, and that is said", async () => {
    await host.guest(
      "dev",
      "mkdir -p /small && mount -t tmpfs -o size=2m none /small && echo mine > /small/mine",
    );
    mkdirSync(join(work, "large"));
    writeFileSync(join(work, "large/a"), Buffer.alloc(1_000_000, 1));
    writeFileSync(join(work, "large/b"), Buffer.alloc(3_000_000, 1));
    const { status, err } = await host.run(["vm", "cp", join(work, "large"), "dev:/small/"]);
    assert.equal(status, 1);
    assert.match(
      err,
      /error: cannot copy to "\/small\/": large\/b: No space left on device; what had been copied was removed again\n/,
    );
    assert.equal(await host.guest("dev", "ls -A /small; umount /small"), "mine");
  });

  test("that cannot be read end the copy, with nothing half", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("needs to become another user");
    await host.guest("dev", "mkdir -p /srv/readable");
    mkdirSync(join(work, "closed"));
    writeFileSync(join(work, "closed/a"), "a");
    writeFileSync(join(work, "closed/b"), "b", { mode: 0 });
    // Root without the capability to read everything.
    const under = [
      "setpriv",
      "--bounding-set",
      "-dac_override,-dac_read_search",
      "--inh-caps",
      "-dac_override,-dac_read_search",
    ];
    chownSync(join(work, "closed/b"), 1, 1);
    const { status, err } = await host.run(["vm", "cp", join(work, "closed"), "dev:/srv/readable/"], {
      under,
    });
    assert.equal(status, 1);
    assert.match(err, /closed\/b: Permission denied; what had been copied was removed again\n/);
    assert.equal(await host.guest("dev", "ls -A /srv/readable"), "");
  });

  test("stop with Ctrl-C within a second, and with kill -9, and leave nothing", async () => {
    await host.guest("dev", "mkdir -p /srv/stopped");
    writeFileSync(join(work, "big"), "");
    truncateSync(join(work, "big"), 0);
    execFileSync("sh", ["-c", `head -c 400000000 /dev/zero > ${join(work, "big")}`]);
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const child = host.start(["vm", "cp", join(work, "big"), "dev:/srv/stopped/"]);
      await until(async () => (await host.guest("dev", "ls -A /srv/stopped")) !== "");
      const asked = Date.now();
      child.kill(signal);
      const [status] = (await once(child, "close")) as [number | null];
      if (signal === "SIGINT") {
        assert.equal(status, 130);
        // A second on an idle host.
        assert.ok(Date.now() - asked < 5000, `${Date.now() - asked} ms`);
      }
      await until(async () => (await host.guest("dev", "ls -A /srv/stopped")) === "");
    }
    await host.guest("dev", "head -c 200000000 /dev/zero > /srv/big");
    const out = join(work, "out");
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      mkdirSync(out);
      const child = host.start(["vm", "cp", "dev:/srv/big", out]);
      await until(async () => readdirSync(out).length > 0);
      child.kill(signal);
      await once(child, "close");
      await until(async () => readdirSync(out).length === 0);
      execFileSync("rmdir", [out]);
    }
    assert.equal(await host.guest("dev", "rm /srv/big; echo ok"), "ok");
  });

  test("of a hostile machine stay where they belong", async () => {
    await host.guest(
      "dev",
      "mkdir -p /srv/evil && ln -s ../../outside /srv/evil/link && mknod /srv/evil/null c 1 3",
    );
    mkdirSync(join(work, "inside"));
    await host.ok(["vm", "cp", "dev:/srv/evil", join(work, "inside")]);
    assert.ok(lstatSync(join(work, "inside/evil/link")).isSymbolicLink());
    assert.ok(!existsSync(join(work, "inside/evil/null")));
    await host.guest("dev", "rm /srv/evil/link && mkdir /srv/evil/link && echo x > /srv/evil/link/x");
    mkdirSync(join(work, "outside"));
    const { status, err } = await host.run(["vm", "cp", "dev:/srv/evil", join(work, "inside")]);
    assert.equal(status, 1);
    assert.match(err, /evil\/link: Not a directory/);
    assert.deepEqual(readdirSync(join(work, "outside")), []);
    assert.equal(readFileSync(join(work, "token"), "utf8"), "secret");
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
