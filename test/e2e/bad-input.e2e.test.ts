import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { root, slim, TestHost } from "./support/host.ts";

interface Expected {
  status: number;
  error: RegExp;
  hint: RegExp;
}

async function refused(
  host: TestHost,
  args: string[],
  expected: Expected,
  env: Record<string, string> = {},
): Promise<void> {
  const { status, out, err } = await host.run(args, { env, timeout: 60_000 });
  assert.equal(status, expected.status, `banger ${args.join(" ")}\n${err}`);
  assert.equal(out, "");
  assert.match(err, expected.error);
  assert.match(err, expected.hint);
}

describe("a mistake on the command line", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--no-start", "--name", "taken", "--image", slim], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  const mistakes: [string[], Expected][] = [
    [["vm", "rnu"], { status: 2, error: /unknown command "vm rnu"/, hint: /Did you mean "vm run"\?/ }],
    [["frobnicate"], { status: 2, error: /unknown command "frobnicate"/, hint: /banger --help/ }],
    [
      ["vm", "run", "--imgae", "x"],
      { status: 2, error: /unknown flag "--imgae"/, hint: /Did you mean --image\?/ },
    ],
    [["vm", "create", "--memory", "lots"], { status: 2, error: /--memory is "lots"/, hint: /512M, 4G/ }],
    [
      ["vm", "create", "--vcpu", "0"],
      { status: 2, error: /a machine cannot have 0 processors/, hint: /hint: / },
    ],
    [["vm", "create", "--vcpu", "10000"], { status: 2, error: /10000/, hint: /hint: / }],
    [
      ["vm", "create", "--image", slim, "--memory", `${2 * totalmem()}b`],
      { status: 2, error: /memory/, hint: /hint: / },
    ],
    [["vm", "create", "--image", slim, "--disk", "1M"], { status: 2, error: /disk/, hint: /hint: / }],
    [
      ["vm", "create", "--name", "Not_A_Label"],
      { status: 2, error: /"Not_A_Label" is not a vm name/, hint: /a-z, 0-9 and -/ },
    ],
    [
      ["vm", "create", "--image", slim, "--name", "taken"],
      { status: 1, error: /a vm named "taken" exists already/, hint: /banger vm delete taken/ },
    ],
    [
      ["vm", "exec", "taken", "--", "true"],
      { status: 1, error: /vm "taken" is created/, hint: /banger vm start taken/ },
    ],
    [["vm", "kill", "--signal", "SOMETHING", "taken"], { status: 2, error: /SOMETHING/, hint: /hint: / }],
    [["vm", "show", "nobody"], { status: 1, error: /vm "nobody" not found/, hint: /banger vm list/ }],
    [
      ["image", "pull", slim],
      { status: 1, error: /image "debian-bookworm-slim" exists already/, hint: /banger image delete/ },
    ],
    [
      ["image", "delete", slim],
      {
        status: 1,
        error: /image "debian-bookworm-slim" is used by (the machine )?taken/,
        hint: /banger vm delete taken/,
      },
    ],
    [
      ["kernel", "rm", "generic-6.1"],
      {
        status: 1,
        error: /kernel "generic-6.1" is used by the machine taken/,
        hint: /banger vm delete taken/,
      },
    ],
    [
      ["kernel", "pull", "generic-6.1"],
      { status: 1, error: /kernel "generic-6.1" exists already/, hint: /--force/ },
    ],
    [
      ["kernel", "pull", "generic-1.0"],
      { status: 1, error: /kernel "generic-1.0" not found/, hint: /generic-6\.1 and generic-6\.12/ },
    ],
  ];
  for (const [args, expected] of mistakes) {
    test(`banger ${args.join(" ")} is refused, says what was wrong and what to do`, async () => {
      await refused(host, args, expected);
      assert.deepEqual(
        (await host.vms()).map(({ name }) => name),
        ["taken"],
      );
    });
  }

  test("with --json is an object on standard error", async () => {
    const { status, err } = await host.run(["vm", "show", "nobody", "--json"]);
    assert.equal(status, 1);
    const problem = JSON.parse(err) as { code: string; exit: number };
    assert.equal(problem.code, "vm_not_found");
    assert.equal(problem.exit, 1);
  });
});

describe("a host that cannot", () => {
  test("have a socket path that long says so", async () => {
    await using host = new TestHost({ state: "own" });
    const long = join(host.home, "x".repeat(90));
    mkdirSync(long, { recursive: true });
    const expected = {
      status: 1,
      error: /the socket path .* is longer than 107 bytes/,
      hint: /XDG_RUNTIME_DIR/,
    };
    await refused(host, ["vm", "list"], expected, { XDG_RUNTIME_DIR: long });
  });

  test("write its state directory says so", async () => {
    await using host = new TestHost({ state: "own" });
    const expected = {
      status: 1,
      error: /the directory "\/sys.*" cannot be written/,
      hint: /XDG_STATE_HOME/,
    };
    await refused(host, ["vm", "list"], expected, { XDG_STATE_HOME: "/sys/nowhere" });
  });

  test("reach the archive says so, and leaves nothing", async () => {
    await using host = new TestHost({ state: "own" });
    const config = join(host.env.XDG_CONFIG_HOME as string, "banger");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "config.toml"), '[archive]\nmirror = "http://127.0.0.1:9/debian"\n');
    const expected = { status: 1, error: /cannot reach "http:\/\/127\.0\.0\.1:9\//, hint: /archive\.mirror/ };
    const { status, err } = await host.run(["vm", "run", "--rm", "--", "true"], { timeout: 120_000 });
    assert.equal(status, expected.status);
    assert.match(err, expected.error);
    assert.match(err, expected.hint);
    assert.deepEqual(await host.vms(), []);
    assert.equal(await host.ok(["image", "list", "--json"]), "[]");
  });

  test("be configured like that says which key is wrong", async () => {
    await using host = new TestHost({ state: "own" });
    const config = join(host.env.XDG_CONFIG_HOME as string, "banger");
    mkdirSync(config, { recursive: true });
    const path = join(config, "config.toml");
    writeFileSync(path, 'default_image = "x"\n');
    const expected = {
      status: 2,
      error: /is not valid: unknown key default_image/,
      hint: /docs\/configuration\.md/,
    };
    await refused(host, ["vm", "list"], expected);
    writeFileSync(path, "");
  });

  test("run QEMU says what to install", async () => {
    // As an installed package, which installs nothing by itself.
    await using host = new TestHost({ state: "own", program: [join(root, "bin", "banger")] });
    const bin = join(host.home, "bin");
    mkdirSync(bin);
    const names =
      "sh env dirname readlink node gpgv xz depmod mmdebstrap fakechroot fakeroot qemu-img apt-config".split(
        " ",
      );
    for (const name of names) {
      const found = execFileSync("sh", ["-c", 'command -v "$1" || true', "sh", name], {
        encoding: "utf8",
      }).trim();
      if (found.startsWith("/")) symlinkSync(found, join(bin, name));
    }
    const expected = { status: 1, error: /qemu-system-x86/, hint: /apt-get install .*qemu-system-x86/ };
    await refused(host, ["vm", "run", "--rm", "--", "true"], expected, { PATH: bin });
  });
});

describe("a database that is not ours to change", () => {
  async function untouched(prepare: (path: string) => void, expected: Expected): Promise<void> {
    await using host = new TestHost({ state: "own" });
    mkdirSync(host.state, { recursive: true, mode: 0o700 });
    const path = join(host.state, "state.db");
    prepare(path);
    const before = readFileSync(path);
    await refused(host, ["vm", "list"], expected);
    assert.ok(readFileSync(path).equals(before));
  }

  test("because it is damaged, is refused and not touched", async () => {
    await untouched((path) => writeFileSync(path, "this is no database".repeat(1000)), {
      status: 1,
      error: /the database ".*state\.db" is damaged/,
      hint: /mv .*state\.db/,
    });
  });

  test("because a newer banger wrote it, is refused and not touched", async () => {
    await untouched(
      (path) => {
        const database = new DatabaseSync(path);
        // application_id says that it is banger's: "bang".
        database.exec(
          "PRAGMA application_id = 1650552423; PRAGMA user_version = 999; CREATE TABLE vms (id TEXT)",
        );
        database.close();
      },
      { status: 1, error: /has schema 999, this banger knows up to \d+/, hint: /newer banger/ },
    );
  });
});
