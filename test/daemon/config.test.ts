import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { loadConfig, parseConfig } from "../../src/daemon/config.ts";
import { BangerError } from "../../src/lib/errors/error.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("the configuration", () => {
  test("is all defaults when there is none", async (t) => {
    const config = await loadConfig(join(temporaryDirectory(t), "config.toml"));
    assert.deepEqual(config, {
      log_level: "info",
      default_image_name: "debian-bookworm",
      accelerator: "auto",
      network: { dns: "127.0.0.1:42069", proxy: "127.0.0.1:42080" },
      templates: "auto",
      template_budget: "8G",
      vm_defaults: { disk: "8G" },
      ssh: { authorized_keys: [] },
      archive: {
        mirror: "http://deb.debian.org/debian",
        security_mirror: "http://deb.debian.org/debian-security",
      },
      catalogs: [],
      file_sync: [],
    });
  });

  test("names catalogs with their keys, and refuses what is no key", () => {
    const key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const text = (publicKey: string): string =>
      `[[catalogs]]\nurl = "https://example.org/c.json"\npublic_key = "${publicKey}"\n`;
    assert.deepEqual(parseConfig(text(key), "c").catalogs, [
      { url: "https://example.org/c.json", public_key: key },
    ]);
    throwsWith(
      () => parseConfig(text("abc"), "c"),
      "invalid_config",
      'the configuration "c" is not valid: catalogs.0.public_key: not a public key of minisign',
    );
  });

  test("takes what it sets and defaults the rest", () => {
    const text = `
      default_image_name = "dev"
      [vm_defaults]
      vcpu = 2
      memory = "2G"
      [archive]
      check_valid_until = false
    `;
    const config = parseConfig(text, "/c.toml");
    assert.equal(config.default_image_name, "dev");
    assert.deepEqual(config.vm_defaults, { vcpu: 2, memory: "2G", disk: "8G" });
    assert.equal(config.archive.check_valid_until, false);
    assert.equal(config.archive.mirror, "http://deb.debian.org/debian");
  });

  const wrong: [string, string][] = [
    ["a = ", "line 1, column 5: Invalid TOML document: invalid value"],
    ["default_image = 'x'", "unknown key default_image"],
    ["log_levle = 'info'", "unknown key log_levle, did you mean log_level?"],
    ["[archive]\nmiror = 'x'", "unknown key archive.miror, did you mean archive.mirror?"],
    [
      "log_level = 'loud'",
      'log_level: Invalid option: expected one of "trace"|"debug"|"info"|"warn"|"error"',
    ],
    ["[vm_defaults]\nvcpu = 0", "vm_defaults.vcpu: Too small: expected number to be >=1"],
    ["[archive]\nmirror = 'nowhere'", "archive.mirror: Invalid URL"],
  ];
  for (const [text, problem] of wrong) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      throwsWith(
        () => parseConfig(text, "/c.toml"),
        "invalid_config",
        `the configuration "/c.toml" is not valid: ${problem}`,
      );
    });
  }

  test("that cannot be read is not taken for one that is not there", async (t) => {
    const path = join(temporaryDirectory(t), "config.toml");
    mkdirSync(path);
    await rejectsWith(loadConfig(path), "invalid_config", /it cannot be read \(EISDIR/);
    const file = join(path, "real.toml");
    writeFileSync(file, "log_level = 'debug'");
    assert.equal((await loadConfig(file)).log_level, "debug");
  });

  test("never fails with anything but its own error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseConfig(text, "/c.toml");
        } catch (error) {
          assert.ok(error instanceof BangerError);
          assert.equal(error.code, "invalid_config");
        }
      }),
    );
  });
});

describe("file_sync", () => {
  const entry = (host: string, guest: string, more = ""): string =>
    `[[file_sync]]\nhost = "${host}"\nguest = "${guest}"\n${more}`;

  test("names files here and below the home of the machine's root", () => {
    const { file_sync } = parseConfig(
      `${entry("~/.netrc", "~/.netrc")}${entry("/etc/x", "/root/a/b", 'mode = "0644"')}`,
      "c",
    );
    assert.deepEqual(file_sync, [
      { host: "~/.netrc", guest: "~/.netrc", mode: "0600" },
      { host: "/etc/x", guest: "/root/a/b", mode: "0644" },
    ]);
    assert.deepEqual(parseConfig("", "c").file_sync, []);
  });

  test("is refused with the number of the entry that is wrong", () => {
    const host = "file_sync.1.host: expected an absolute path, or one that begins with ~/";
    const guest = "file_sync.1.guest: expected a path below ~/ or /root/, the home of the machine's root";
    const cases: [string, string][] = [
      [entry("", "~/x"), host],
      [entry("relative", "~/x"), host],
      [entry("~other/x", "~/x"), host],
      [entry("/a/../b", "~/x"), "file_sync.1.host: expected a path without .."],
      [entry("/a", ""), guest],
      [entry("/a", "/etc/x"), guest],
      [entry("/a", "/root/"), guest],
      [entry("/a", "/rooted/x"), guest],
      [entry("/a", "~/../x"), "file_sync.1.guest: expected a path without .."],
      [entry("/a", "~/x", 'mode = "rw"'), "file_sync.1.mode: expected an octal mode such as 0600"],
    ];
    for (const [text, problem] of cases) {
      throwsWith(
        () => parseConfig(`${entry("/ok", "~/ok")}${text}`, "c"),
        "invalid_config",
        `the configuration "c" is not valid: ${problem}`,
      );
    }
  });
});
