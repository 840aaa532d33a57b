import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, slim, TestHost } from "./support/host.ts";

/** What only a person at a terminal would type, or what does not end by itself. */
const skipped = [/^banger vm run( +#|$)/, /^banger vm shell /, /^banger vm logs -f /];

test("the tour in the README can be taken as it is written", async () => {
  await using host = new TestHost();
  const config = join(host.env.XDG_CONFIG_HOME as string, "banger");
  mkdirSync(config, { recursive: true });
  // The tour is the same with the smaller image, and quicker.
  writeFileSync(join(config, "config.toml"), `default_image_name = "${slim}"\n`);
  const bin = join(host.home, "bin");
  mkdirSync(bin);
  symlinkSync(join(root, "banger"), join(bin, "banger"));
  const env = { ...host.env, PATH: `${bin}:${host.env.PATH}` };
  const lines = tour().filter((line) => !skipped.some((pattern) => pattern.test(line)));
  assert.ok(lines.length >= 10, lines.join("\n"));
  for (const line of lines) {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", line], {
      env,
      encoding: "utf8",
      timeout: 900_000,
    });
    assert.equal(status, line.includes("banger doctor") ? status : 0, `${line}\n${stdout}\n${stderr}`);
  }
  assert.deepEqual(await host.vms(), []);
});

function tour(): string[] {
  const text = readFileSync(join(root, "README.md"), "utf8");
  const [, section = ""] = /## A tour of 60 seconds\n(.*?)\n## /s.exec(text) ?? [];
  return section
    .split("\n")
    .filter((line) => line.startsWith("    "))
    .map((line) => line.trim());
}
