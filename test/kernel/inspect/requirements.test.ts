import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseKernelConfig } from "../../../src/kernel/inspect/config.ts";
import { judgeKernel } from "../../../src/kernel/inspect/requirements.ts";
import { ModuleGraph } from "../../../src/kernel/modules/dependencies.ts";
import { fullConfig, without } from "../support/own-kernel.ts";

const modules = new ModuleGraph("kernel/fs/ext4/ext4.ko:\n", "kernel/drivers/virtio_pci.ko\n");

describe("the judgement of a kernel", () => {
  test("has nothing to say of one that has everything", () => {
    assert.deepEqual(judgeKernel({ config: parseKernelConfig(fullConfig) }), { problems: [], warnings: [] });
  });

  test("names what no machine boots without, and what machines will lack", () => {
    const config = parseKernelConfig(without(fullConfig, "BLK_DEV_INITRD", "VIRTIO_BLK", "OVERLAY_FS"));
    assert.deepEqual(judgeKernel({ config }), {
      problems: [
        "it has no CONFIG_BLK_DEV_INITRD: the guest agent starts from an initramfs",
        "it has no CONFIG_VIRTIO_BLK: disks are of this kind",
      ],
      warnings: ["it has no CONFIG_OVERLAY_FS: Docker does not work"],
    });
  });

  test("takes a module for what is there only when it is", () => {
    const text = `${without(fullConfig, "EXT4_FS", "VIRTIO_BLK")}CONFIG_EXT4_FS=m\nCONFIG_VIRTIO_BLK=m\n`;
    const config = parseKernelConfig(text);
    assert.deepEqual(judgeKernel({ config }).problems, [
      "its virtio_blk is a module, and no modules were given (--modules): disks are of this kind",
      "its ext4 is a module, and no modules were given (--modules): root file systems are ext4",
    ]);
    assert.deepEqual(judgeKernel({ config, modules }).problems, [
      "its module virtio_blk is missing: disks are of this kind",
    ]);
  });

  test("goes by the modules alone when there is no configuration, and says what that leaves open", () => {
    const { problems, warnings } = judgeKernel({ modules });
    assert.deepEqual(problems, [
      "it has no CONFIG_VIRTIO_CONSOLE: the guest agent talks over it",
      "it has no CONFIG_VIRTIO_BLK: disks are of this kind",
    ]);
    assert.equal(
      warnings.at(-1),
      "no configuration was found (give it with --config): what it can do besides drivers was not checked",
    );
  });

  test("says that it knows nothing when it knows nothing", () => {
    assert.deepEqual(judgeKernel({}), {
      problems: [],
      warnings: ["no configuration was found (give it with --config): what it can do at all was not checked"],
    });
  });
});

test("a configuration has what is set, whatever else stands in the file", () => {
  const text =
    '#\n# Automatically generated\nCONFIG_A=y\r\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="x=y"\nnoise\n';
  assert.deepEqual(
    [...parseKernelConfig(text)],
    [
      ["A", "y"],
      ["B", "m"],
      ["D", '"x=y"'],
    ],
  );
});
