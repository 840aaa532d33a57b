import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { configuredKeys } from "../../../src/vm/ssh/authorized-keys.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { failure, quiet, until, World } from "../world/world.ts";

const { signal } = quiet();
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpeMtP5hx4OcLalxwsl1dm8Xct1ehJdS7VCHou6WuUc me@home";

function ssh(world: World, name: string): string {
  return readFileSync(join(world.directory, "ssh", name), "utf8");
}

describe("what ssh needs on the host", () => {
  test("is there as soon as the daemon is, for its owner only", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.reconcile();
    const directory = join(world.directory, "ssh");
    assert.deepEqual(readdirSync(directory).sort(), [
      "config",
      "id_ed25519",
      "id_ed25519.pub",
      "known_hosts",
    ]);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const name of ["config", "id_ed25519", "known_hosts"]) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    }
    assert.equal(ssh(world, "known_hosts"), "");
    const before = ssh(world, "id_ed25519");
    await (await world.daemon()).service.reconcile();
    assert.equal(ssh(world, "id_ed25519"), before, "the key stays");
  });

  test("comes and goes with machines, and a name that is used again has a new key under a new id", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.reconcile();
    const first = await service.create({ name: "dev" }, quiet());
    const pinned = ssh(world, "known_hosts");
    const given = world.guest.files.get("/etc/ssh/ssh_host_ed25519_key.pub")?.content;
    assert.equal(pinned, `banger-${first.id} ${String(given).split(" ").slice(0, 2).join(" ")}\n`);
    assert.ok(
      ssh(world, "config").includes(`Host dev.vm ${first.id}.vm\n    HostKeyAlias banger-${first.id}\n`),
    );
    await service.remove("dev", quiet());
    assert.equal(ssh(world, "known_hosts"), "");
    const second = await service.create({ name: "dev" }, quiet());
    assert.ok(!ssh(world, "known_hosts").includes(first.id));
    assert.ok(ssh(world, "known_hosts").startsWith(`banger-${second.id} `));
    await service.stop("dev", {}, quiet());
    assert.ok(ssh(world, "known_hosts").includes(second.id), "a machine that rests keeps its key");
  });

  test("of many machines at once is whole", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.reconcile();
    const made = await Promise.all([1, 2, 3, 4].map((n) => service.create({ name: `vm${n}` }, quiet())));
    const ids = ssh(world, "known_hosts")
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    assert.deepEqual(ids.sort(), made.map(({ id }) => `banger-${id}`).sort());
  });

  test("that cannot be written does not keep a machine from running", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.reconcile();
    // Even root cannot rename a file over a directory.
    const config = join(world.directory, "ssh", "known_hosts");
    rmSync(config);
    mkdirSync(join(config, "in the way"), { recursive: true });
    assert.equal((await service.create({ name: "dev" }, quiet())).state, "running");
    assert.ok(world.logged.some((line) => line.startsWith("writing the configuration for ssh failed")));
  });
});

describe("an ssh connection", () => {
  test("finds the machine's server with the keys beside it, and is told how to start it", async () => {
    await using world = new World();
    world.authorizedKeys = [key];
    const { service } = await world.daemon();
    await service.reconcile();
    const vm = await service.create({ name: "dev" }, quiet());
    const asking = service.ssh("dev", signal);
    await answer(world, "/usr/sbin/sshd", 0);
    const target = await asking;
    assert.deepEqual(target, {
      id: vm.id,
      name: "dev",
      host: "dev.vm",
      config: join(world.directory, "ssh", "config"),
      command: [
        ...["/usr/sbin/sshd", "-i", "-h", "/run/sshd/banger_host_key"],
        ...[
          "-o",
          "AuthorizedKeysFile=/run/sshd/banger_authorized_keys .ssh/authorized_keys .ssh/authorized_keys2",
        ],
        ...["-o", "PubkeyAuthentication=yes", "-o", "PermitRootLogin=prohibit-password"],
      ],
    });
    const { files, commands } = world.guest;
    const hostKey = files.get("/run/sshd/banger_host_key");
    assert.equal(hostKey?.content, files.get("/etc/ssh/ssh_host_ed25519_key")?.content);
    assert.equal(hostKey?.mode, 0o600);
    const keys = files.get("/run/sshd/banger_authorized_keys");
    assert.equal(keys?.content, `${ssh(world, "id_ed25519.pub").trim()}\n${key}\n`);
    assert.deepEqual([commands[0]?.spec.user, commands[0]?.spec.cwd], ["root", "/"]);
  });

  test("to a machine without a server is refused in plain words", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.reconcile();
    await service.create({ name: "dev" }, quiet());
    for (const [found, code] of [
      ["", 1],
      ["/tmp/evil", 0],
    ] as const) {
      const asking = failure(service.ssh("dev", signal));
      await answer(world, found, code);
      const error = await asking;
      assert.equal(error.code, "ssh_server_missing");
      assert.equal(error.message, 'vm "dev" has no ssh server');
    }
    await service.stop("dev", {}, quiet());
    const stopped = await failure(service.ssh("dev", signal));
    assert.equal(stopped.message, 'vm "dev" is stopped; to use ssh it must be running');
  });
});

describe("keys of the configuration", () => {
  test("are keys or files of keys; what is neither is left out and told", async (t) => {
    const home = temporaryDirectory(t);
    const file = join(home, "keys.pub");
    writeFileSync(
      file,
      `# mine\n${key}\r\n\ncommand="rm" ssh-rsa AAAA x\necdsa-sha2-nistp256 AAAAE2= work\n`,
    );
    const empty = join(home, "empty.pub");
    writeFileSync(empty, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    const told: string[] = [];
    const log = (message: string, details?: Record<string, unknown>): void =>
      void told.push(`${message}: ${String(details?.path)}`);
    assert.deepEqual(await configuredKeys([key, file, empty, join(home, "gone")], log), [
      key,
      "ecdsa-sha2-nistp256 AAAAE2= work",
    ]);
    assert.deepEqual(told, [
      `no public key in a file of ssh.authorized_keys: ${empty}`,
      `a file of ssh.authorized_keys cannot be read: ${join(home, "gone")}`,
    ]);
  });

  test("are at most what one order to a guest can carry", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `ssh-ed25519 ${"A".repeat(68)} ${i}`);
    const kept = await configuredKeys(many, () => undefined);
    assert.ok(kept.length > 200 && kept.join("\n").length <= 24 * 1024);
  });
});

/** Plays the script that looks for the server in the guest: its next one. */
async function answer(world: World, found: string, code: number): Promise<void> {
  const unanswered = () => world.guest.commands.find(({ stdout }) => !stdout.writableEnded);
  await until(() => unanswered() !== undefined);
  const command = unanswered();
  command?.stdout.end(found);
  command?.stderr.end();
  command?.exit(code);
}
