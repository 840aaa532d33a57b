import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { requireHostTools } from "../../../src/cli/setup/require.ts";
import { rejectsWith } from "../../support/faults.ts";
import { type FakeWorld, fakeWorld } from "../world.ts";

/** A world without some programs. Debian has them in /usr/bin, which is not on its PATH. */
function without(context: TestContext, ...programs: string[]): FakeWorld {
  const world = fakeWorld(context);
  for (const program of programs) rmSync(join(world.env.PATH as string, program));
  return world;
}

describe("the programs that a command needs", () => {
  test("cost nothing and say nothing when they are there", async (context) => {
    const world = fakeWorld(context);
    for (const need of ["machine", "image", "kernel"] as const) await requireHostTools(world, need);
    assert.equal(world.stderr.text, "");
  });

  test("are named with the command that installs them", async (context) => {
    const world = without(context, "qemu-system-x86_64", "qemu-img");
    const error = await rejectsWith(
      requireHostTools(world, "machine"),
      "host_packages_missing",
      "running machines needs host packages that are not installed: qemu-system-x86 and qemu-utils",
    );
    assert.equal(
      error.remedy,
      "Install them: sudo apt-get install --no-install-recommends qemu-system-x86 qemu-utils",
    );
  });

  test("hold nobody up who may not need them", async (context) => {
    const world = without(context, "mmdebstrap");
    await requireHostTools(world, "machine");
    await rejectsWith(requireHostTools(world, "image"), "host_packages_missing");
  });

  test("keep a machine from being created before anything is asked of the daemon", async (context) => {
    const world = without(context, "qemu-img");
    assert.equal(await world.run("vm", "run", "-d"), 1);
    assert.match(
      world.stderr.text,
      /^error: running machines needs host packages that are not installed: qemu-utils\n/,
    );
  });
});
