import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseBootModules } from "../../../src/kernel/modules/boot-set.ts";
import { ModuleGraph } from "../../../src/kernel/modules/dependencies.ts";
import { throwsWith } from "../../support/faults.ts";

/** What matters of bookworm's 6.1 and trixie's 6.12. */
const bookworm = new ModuleGraph(
  `kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio_pci_modern_dev.ko:
kernel/drivers/virtio/virtio_pci_legacy_dev.ko:
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_legacy_dev.ko kernel/drivers/virtio/virtio_pci_modern_dev.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/char/virtio_console.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/net/core/failover.ko:
`,
  "kernel/fs/mbcache.ko\nkernel/fs/ext4/ext4.ko\nkernel/fs/jbd2/jbd2.ko\nkernel/crypto/crc32c_generic.ko\n",
);
const trixie = new ModuleGraph(
  `kernel/drivers/block/virtio_blk.ko.xz:
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
kernel/net/core/failover.ko.xz:
`,
  "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/char/virtio_console.ko\n",
);

describe("the modules of the initramfs", () => {
  test("are listed in sections for the channel, the disks and the network", () => {
    const { list, modules } = chooseBootModules("generic-6.1", bookworm);
    assert.equal(
      list,
      `virtio_pci_legacy_dev.ko
virtio_pci_modern_dev.ko
virtio_ring.ko
virtio.ko
virtio_pci.ko
virtio_console.ko
--
virtio_blk.ko
--
failover.ko
net_failover.ko
virtio_net.ko
`,
    );
    assert.equal(modules.length, 10);
  });

  test("leave out what is built in, and keep the section", () => {
    const { list, modules } = chooseBootModules("generic-6.12", trixie);
    assert.equal(list, "--\nvirtio_blk.ko\n--\nfailover.ko\nnet_failover.ko\nvirtio_net.ko\n");
    assert.deepEqual(modules[0], { file: "kernel/drivers/block/virtio_blk.ko.xz", name: "virtio_blk.ko" });
  });

  test("have ext4 with what it needs and with crc32c where they are modules", () => {
    const graph = new ModuleGraph(
      `fs/ext4.ko: fs/jbd2.ko fs/mbcache.ko
fs/jbd2.ko:
fs/mbcache.ko:
crypto/crc32c_generic.ko:
`,
      "virtio_pci.ko\nvirtio_console.ko\nvirtio_blk.ko\nvirtio_net.ko\n",
    );
    const { list } = chooseBootModules("mine", graph);
    assert.equal(list, "--\ncrc32c_generic.ko\njbd2.ko\nmbcache.ko\next4.ko\n--\n");
  });

  test("are refused when one is missing that nothing works without", () => {
    const graph = new ModuleGraph("", "virtio_pci.ko\nvirtio_blk.ko\nvirtio_net.ko\n");
    throwsWith(
      () => chooseBootModules("mine", graph),
      "kernel_unusable",
      'kernel "mine" cannot be used: it has no virtio_console, no ext4',
    );
  });
});
