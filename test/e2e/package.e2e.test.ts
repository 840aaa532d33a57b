import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { root, slim, TestHost } from "./support/host.ts";

describe("the package", () => {
  const work = mkdtempSync(join(tmpdir(), "banger-pack-"));
  const prefix = join(work, "prefix");
  let host: TestHost;

  before(() => {
    const npm = (args: string[]): string =>
      execFileSync("npm", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    npm(["pack", "--pack-destination", work, "--loglevel", "error"]);
    const tarball = readdirSync(work).find((name) => name.endsWith(".tgz"));
    assert.ok(tarball);
    npm([
      "install",
      "--global",
      "--prefix",
      prefix,
      "--ignore-scripts",
      "--loglevel",
      "error",
      join(work, tarball),
    ]);
    host = new TestHost({ program: [join(prefix, "bin", "banger")] });
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(work, { recursive: true, force: true });
  });

  test("holds what runs and what explains it, and no source", () => {
    const installed = join(prefix, "lib", "node_modules", "banger");
    const top = readdirSync(installed).sort();
    assert.deepEqual(top, [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "bin",
      "dist",
      "docs",
      "images",
      "node_modules",
      "package.json",
    ]);
    assert.ok(readdirSync(join(installed, "dist")).includes("banger-agent"));
  });

  test("runs from an empty prefix, whatever Node the host has", async () => {
    assert.match(await host.ok(["--version"]), /^banger 0\.1\.0 /);
    const { status, out, err } = await host.run(["vm", "run", "--rm", "--image", slim, "--", "uname", "-s"], {
      timeout: 900_000,
    });
    assert.equal(status, 0, err);
    assert.equal(out, "Linux\n");
  });

  test("gives the SDK to programs that import it, with types", () => {
    const script =
      'import { Banger, BangerError } from "banger"; console.log(typeof Banger, typeof BangerError);';
    const printed = execFileSync(join(root, "bin/node"), ["--input-type=module", "-e", script], {
      cwd: join(prefix, "lib", "node_modules", "banger"),
      encoding: "utf8",
    });
    assert.equal(printed, "function function\n");
    assert.deepEqual(compile(prefix, "const name: string = (await new Banger().vms.list())[0]!.name;"), []);
    assert.deepEqual(compile(prefix, "const name: number = (await new Banger().vms.list())[0]!.name;"), [
      "error TS2322: Type 'string' is not assignable to type 'number'.",
    ]);
  });
});

/** Compiles a program that uses the SDK where nothing else is installed; gives the compiler's complaints. */
function compile(prefix: string, line: string): string[] {
  const folder = join(prefix, "lib");
  writeFileSync(join(folder, "program.mts"), `import { Banger } from "banger";\n${line}\n`);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags =
    "--noEmit --strict --module nodenext --target es2024 --lib es2024,esnext.disposable --types node";
  const args = [tsc, ...flags.split(" "), "--typeRoots", join(root, "node_modules/@types"), "program.mts"];
  const { stdout } = spawnSync(join(root, "bin/node"), args, { cwd: folder, encoding: "utf8" });
  return stdout.split("\n").flatMap((text) => /error TS.*/.exec(text) ?? []);
}
