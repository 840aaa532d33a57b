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
      templates: "auto",
      template_budget: "8G",
      vm_defaults: { disk: "8G" },
      ssh: { authorized_keys: [] },
      archive: {
        mirror: "http://deb.debian.org/debian",
        security_mirror: "http://deb.debian.org/debian-security",
      },
    });
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
