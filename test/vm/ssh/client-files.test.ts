import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { clientConfig, knownHosts } from "../../../src/vm/ssh/client-files.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const hosts = [
  { id: "0123456789ab", name: "dev", hostKey: "ssh-ed25519 AAAAC3Nza root@dev\n" },
  { id: "ffff56789abc", name: "web", hostKey: "ssh-ed25519 AAAAC3Nzb root@web\n" },
];
const setup = {
  knownHosts: "/home/u/.local/state/banger/ssh/known_hosts",
  identity: "/home/u/.local/state/banger/ssh/id_ed25519",
  proxy: {
    command: ["/usr/bin/node", "/opt/banger/dist/cli.js", "vm", "ssh-proxy"],
    env: { HOME: "/home/u" },
  },
};

describe("known_hosts", () => {
  test("pins each machine's key to its id, so a name that is used again has no stale one", () => {
    assert.equal(
      knownHosts(hosts),
      "banger-0123456789ab ssh-ed25519 AAAAC3Nza\nbanger-ffff56789abc ssh-ed25519 AAAAC3Nzb\n",
    );
    assert.equal(knownHosts([]), "");
  });
});

describe("the configuration of ssh", () => {
  test("leads every machine's name to its key and through the daemon", () => {
    assert.equal(
      clientConfig(hosts, setup),
      `# Made by banger, and made again whenever a machine comes or goes.
Host dev.vm 0123456789ab.vm
    HostKeyAlias banger-0123456789ab
Host web.vm ffff56789abc.vm
    HostKeyAlias banger-ffff56789abc
Host *.vm
    User root
    IdentityFile "/home/u/.local/state/banger/ssh/id_ed25519"
    IdentitiesOnly yes
    UserKnownHostsFile "/home/u/.local/state/banger/ssh/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    UpdateHostKeys no
    HostKeyAlgorithms ssh-ed25519
    KexAlgorithms ^curve25519-sha256
    ProxyCommand /usr/bin/env HOME=/home/u /usr/bin/node /opt/banger/dist/cli.js vm ssh-proxy %h
`,
    );
  });

  test("is understood by ssh, also with strange directories", (t) => {
    const strange = {
      knownHosts: '/a b/50%/"q"/known_hosts',
      identity: "/a b/50%/id",
      proxy: { command: ["/a b/it's", "100%"], env: { HOME: "/h $x" } },
    };
    const path = join(temporaryDirectory(t), "config");
    writeFileSync(path, clientConfig(hosts, strange), { mode: 0o600 });
    const { stdout, stderr, error } = spawnSync("ssh", ["-F", path, "-G", "web.vm"], { encoding: "utf8" });
    if (error) return t.skip("ssh is not installed");
    assert.doesNotMatch(stderr, /config/);
    const said = (name: string): string | undefined =>
      stdout
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1);
    assert.equal(said("user"), "root");
    assert.equal(said("hostkeyalias"), "banger-ffff56789abc");
    assert.equal(said("stricthostkeychecking"), "true");
    assert.equal(said("identityfile"), "/a b/50%%/id");
    assert.equal(said("kexalgorithms")?.split(",")[0], "curve25519-sha256");
    assert.equal(said("proxycommand"), "/usr/bin/env 'HOME=/h $x' '/a b/it'\\''s' 100%% %h");
    const other = spawnSync("ssh", ["-F", path, "-G", "example.org"], { encoding: "utf8" });
    assert.ok(!other.stdout.includes("proxycommand"), "other hosts are left alone");
  });
});
