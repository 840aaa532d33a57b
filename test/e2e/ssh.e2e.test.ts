import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findProgram } from "../../src/lib/host-tools.ts";
import { slim, TestHost } from "./support/host.ts";

describe("ssh", { skip: findProgram("ssh") ? false : "ssh is not installed" }, () => {
  let host: TestHost;
  let config: string;
  before(async () => {
    host = new TestHost();
    config = join(host.home, ".ssh", "config");
    await host.ok(["vm", "create", "--name", "dev", "--image", slim, "--memory", "512M"]);
  });
  after(async () => await host[Symbol.asyncDispose]());

  /** Runs a program of ssh with the configuration of this home: ssh itself looks for it in the account's. */
  const client = (program: string, args: string[], input?: string) => {
    const all = ["-F", config, "-o", "BatchMode=yes", ...args];
    const { status, stdout, stderr } = spawnSync(program, all, {
      env: host.env,
      input,
      encoding: "utf8",
      timeout: 120_000,
    });
    return { status, out: stdout, err: stderr };
  };

  test("is put into the user's configuration, which stays what it was otherwise", async () => {
    mkdirSync(join(host.home, ".ssh"), { mode: 0o700 });
    writeFileSync(config, "Host elsewhere\n  User me", { mode: 0o644 });
    await host.ok(["ssh-config", "--install"]);
    await host.ok(["ssh-config", "--install"]);
    const line = await host.ok(["ssh-config"]);
    assert.equal(readFileSync(config, "utf8"), `${line}\nHost elsewhere\n  User me`);
  });

  test("goes in without a question while the machine is still starting its services", async () => {
    const { status, out, err } = client("ssh", ["dev.vm", "id -un; hostname; exit 7"]);
    assert.equal(status, 7, err);
    assert.equal(out, "root\ndev\n");
    assert.doesNotMatch(err, /authenticity|Permanently added|password/);
  });

  test("vm ssh is ssh itself: words, status and signals are its own", async () => {
    const words = ["a b", "it's", "$HOME", ""];
    const printed = await host.ok(["vm", "ssh", "dev", "--", "printf", "[%s]", ...words]);
    assert.equal(printed, "[a b][it's][$HOME][]");
    const failed = await host.run(["vm", "ssh", "dev", "--", "sh", "-c", "exit 42"]);
    assert.equal(failed.status, 42, failed.err);
    // Until the system is up, PAM lets nobody in but root.
    await host.systemState("dev");
    const nobody = await host.run(["vm", "ssh", "-u", "nobody", "dev", "--", "true"]);
    assert.notEqual(nobody.status, 255, "it got in; nobody has no shell");
  });

  test("scp and sftp carry files both ways", () => {
    const bytes = randomBytes(1_000_000);
    writeFileSync(join(host.home, "out"), bytes);
    const copied = client("scp", [join(host.home, "out"), "dev.vm:/root/file"]);
    assert.equal(copied.status, 0, copied.err);
    const fetched = client("sftp", ["-b", "-", "dev.vm"], `get /root/file ${join(host.home, "back")}\n`);
    assert.equal(fetched.status, 0, fetched.err);
    assert.deepEqual(readFileSync(join(host.home, "back")), bytes);
  });

  test("git clones over it", async (t) => {
    const script = "command -v git && git init -q --bare /srv/p.git";
    if ((await host.run(["vm", "exec", "dev", "--", "sh", "-c", script])).status !== 0) {
      // The small image has no git: what git runs at the other end is what matters.
      return t.skip("no git in the image");
    }
    const env = { ...host.env, GIT_SSH_COMMAND: `ssh -F ${config} -o BatchMode=yes` };
    const cloned = spawnSync("git", ["clone", "-q", "dev.vm:/srv/p.git", join(host.home, "p")], { env });
    assert.equal(cloned.status, 0, String(cloned.stderr));
  });

  test("rsync copies a tree", (t) => {
    if (!findProgram("rsync")) return t.skip("rsync is not installed");
    if (client("ssh", ["dev.vm", "command -v rsync"]).status !== 0) return t.skip("no rsync in the image");
    const args = [
      "-a",
      "-e",
      `ssh -F ${config} -o BatchMode=yes`,
      join(host.home, ".ssh/"),
      "dev.vm:/root/tree/",
    ];
    assert.equal(spawnSync("rsync", args, { env: host.env }).status, 0);
  });

  test("one connection serves many commands (ControlMaster)", () => {
    const control = ["-o", `ControlPath=${join(host.home, "cm")}`];
    const master = ["-o", "ControlMaster=yes", "-o", "ControlPersist=30", ...control, "-N", "-f", "dev.vm"];
    // In the background it keeps what it was given as its outputs.
    const started = spawnSync("ssh", ["-F", config, "-o", "BatchMode=yes", ...master], {
      env: host.env,
      stdio: "ignore",
      timeout: 60_000,
    });
    assert.equal(started.status, 0);
    assert.equal(client("ssh", [...control, "dev.vm", "echo one"]).out, "one\n");
    assert.equal(client("ssh", [...control, "dev.vm", "echo two"]).out, "two\n");
    assert.equal(client("ssh", [...control, "-O", "exit", "dev.vm"]).status, 0);
  });

  test("a machine that does not show its own key is refused", async () => {
    const known = join(host.state, "ssh", "known_hosts");
    const right = readFileSync(known, "utf8");
    const other = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(host.home, "other")]);
    assert.equal(other.status, 0);
    const [, key = ""] = readFileSync(join(host.home, "other.pub"), "utf8").split(" ");
    writeFileSync(known, right.replace(/AAAA\S+/, key));
    const refused = client("ssh", ["dev.vm", "true"]);
    writeFileSync(known, right);
    assert.equal(refused.status, 255);
    assert.match(refused.err, /Host key verification failed/);
  });

  test("says in plain words that an image has no server, and which machine is not there", async () => {
    await host.guest("dev", "mv /usr/sbin/sshd /usr/sbin/sshd.away");
    const missing = await host.run(["vm", "ssh", "dev"]);
    await host.guest("dev", "mv /usr/sbin/sshd.away /usr/sbin/sshd");
    assert.equal(missing.status, 1);
    assert.match(missing.err, /vm "dev" has no ssh server/);
    const ghost = client("ssh", ["ghost.vm", "true"]);
    assert.equal(ghost.status, 255);
    assert.match(ghost.err, /vm "ghost" not found/);
  });

  test("a name that is used again has a new key, and no question comes of it", async () => {
    await host.ok(["vm", "delete", "dev"]);
    await host.ok(["vm", "create", "--name", "dev", "--image", slim, "--memory", "512M"]);
    const { status, out, err } = client("ssh", ["dev.vm", "echo new"]);
    assert.equal(status, 0, err);
    assert.equal(out, "new\n");
  });

  test("is taken out of the user's configuration again, byte for byte", async () => {
    await host.ok(["ssh-config", "--uninstall"]);
    assert.equal(readFileSync(config, "utf8"), "Host elsewhere\n  User me");
  });
});
