import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import { type TestContext, test } from "node:test";
import { hostDefaults } from "../../../src/cli/help/host-defaults.ts";
import { formatSize } from "../../../src/lib/size.ts";
import { defaultSize } from "../../../src/model/default-size.ts";
import { fakeWorld } from "../world.ts";

async function defaultsWith(context: TestContext, config?: string) {
  const world = fakeWorld(context);
  if (config !== undefined) {
    mkdirSync(dirname(world.paths.config), { recursive: true });
    writeFileSync(world.paths.config, config);
  }
  return await hostDefaults(world);
}

function builtIn() {
  const { vcpu, memory, disk } = defaultSize({ cpus: availableParallelism(), memory: totalmem() }, {});
  return { image: "debian-bookworm", vcpu: String(vcpu), memory: formatSize(memory), disk: formatSize(disk) };
}

test("without a configuration a machine gets its share of the host", async (context) => {
  assert.deepEqual(await defaultsWith(context), builtIn());
});

test("the configuration comes before the host", async (context) => {
  const config = 'default_image_name = "mine"\n[vm_defaults]\nvcpu = 7\nmemory = "512M"\n';
  assert.deepEqual(await defaultsWith(context, config), {
    image: "mine",
    vcpu: "7",
    memory: "512 MiB",
    disk: "8 GiB",
  });
});

test("a configuration that is wrong does not take help away", async (context) => {
  for (const config of ["not toml", '[vm_defaults]\nmemory = "much"\n', "vm_defaults = 7"]) {
    const { disk } = await defaultsWith(context, config);
    assert.equal(disk, "8 GiB");
  }
});
