import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Interrupts } from "../../../src/cli/interrupts.ts";
import { installPackages } from "../../../src/cli/setup/install.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { Capture, FakeProcess } from "../world.ts";

const tool = { program: "frobnicate", package: "frobnicator", purpose: "frobnication" };

/** A host whose apt-get is a script, reached as root or through a sudo that asks for nothing. */
function host(context: TestContext, aptGet: string) {
  const folder = temporaryDirectory(context);
  const [bin, calls] = [join(folder, "bin"), join(folder, "calls")];
  mkdirSync(bin);
  const program = (name: string, script: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const installs = `printf '#!/bin/sh\\n' > ${bin}/frobnicate; chmod +x ${bin}/frobnicate`;
  program("apt-get", `echo "$DEBIAN_FRONTEND $*" >> ${calls}\ninstalls() { ${installs}; }\n${aptGet}`);
  program("sudo", `echo sudo >> ${calls}\n[ "$1" = -n ] || exit 1\nshift\nexec "$@"`);
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  const world = { env, stderr: new Capture(), interrupts: new Interrupts(new FakeProcess()) };
  return { world, calls: () => readFileSync(calls, "utf8").trimEnd().split("\n") };
}

const installLine =
  "noninteractive -o DPkg::Lock::Timeout=300 install -y --no-install-recommends frobnicator";

describe("missing packages", () => {
  test("are installed without a question, after one line that says so", async (context) => {
    const { world, calls } = host(context, "installs; echo chatter");
    await installPackages(world, [tool, tool], "frobnication", true);
    assert.equal(world.stderr.text, "installing host packages for frobnication: frobnicator\n");
    assert.deepEqual(calls(), [installLine]);
  });

  test("are looked for in fresh lists when the old ones do not have them", async (context) => {
    const script = `case "$*" in *update*) touch "$0.updated" ;; *) [ -e "$0.updated" ] && installs ;; esac`;
    const { world, calls } = host(context, script);
    await installPackages(world, [tool], "frobnication", true);
    assert.deepEqual(calls(), [installLine, "noninteractive update", installLine]);
    assert.equal(world.stderr.text, "installing host packages for frobnication: frobnicator\n");
  });

  test("may come from one list when another cannot be fetched", async (context) => {
    const script = `case "$*" in *update*) touch "$0.updated"; exit 100 ;; *) [ -e "$0.updated" ] && installs ;; esac`;
    const { world } = host(context, script);
    await installPackages(world, [tool], "frobnication", true);
  });

  test("that cannot be installed end with all that apt-get said, and its error", async (context) => {
    const script = `case "$*" in *update*) echo "Err: no network"; exit 100 ;; *) echo "E: no such package" >&2; exit 100 ;; esac`;
    const { world } = host(context, script);
    const error = await rejectsWith(installPackages(world, [tool], "frobnication", true), "tool_failed");
    assert.match(error.message, /\(status 100\): E: no such package$/);
    assert.equal(
      world.stderr.text,
      "installing host packages for frobnication: frobnicator\nErr: no network\nE: no such package\n",
    );
  });

  test("that are installed and bring no program are still missing", async (context) => {
    const { world } = host(context, "true");
    await rejectsWith(
      installPackages(world, [tool], "frobnication", true),
      "host_packages_missing",
      "frobnication needs host packages that are not installed: frobnicator",
    );
  });

  test("are only named where there is no apt-get", async () => {
    const world = {
      env: { PATH: "/nonexistent" },
      stderr: new Capture(),
      interrupts: new Interrupts(new FakeProcess()),
    };
    const error = await rejectsWith(installPackages(world, [tool], "frobnication"), "host_packages_missing");
    assert.equal(error.remedy, "Install them: sudo apt-get install --no-install-recommends frobnicator");
    assert.equal(world.stderr.text, "");
  });

  test("are installed through a sudo that asks for nothing", async (context) => {
    const { world, calls } = host(context, "installs");
    await installPackages(world, [tool], "frobnication", false);
    assert.deepEqual(calls(), ["sudo", "sudo", installLine]);
  });

  test("are installed by root without sudo", async (context) => {
    const { world, calls } = host(context, "installs");
    await installPackages(world, [tool], "frobnication", true);
    assert.deepEqual(calls(), [installLine]);
  });

  test("are only named where sudo asks for a password", async (context) => {
    const { world } = host(context, "installs");
    const sudo = join(world.env.PATH.split(":")[0] as string, "sudo");
    writeFileSync(sudo, "#!/bin/sh\nexit 1\n");
    const install = () => installPackages(world, [tool], "frobnication", false);
    await rejectsWith(install, "host_packages_missing");
    assert.equal(world.stderr.text, "");
  });
});
