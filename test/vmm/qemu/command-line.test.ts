import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { commandLine, monitorOption } from "../../../src/vmm/qemu/command-line.ts";
import { exampleSpec } from "../machine-spec.ts";

const sockets = { agent: "/run/b/1/agent.sock", monitor: "/run/b/1/monitor.sock" };

const rootDisk = {
  driver: "qcow2",
  "node-name": "disk0",
  "read-only": false,
  discard: "unmap",
  file: { driver: "file", filename: "/state/vms/0123456789ab/disk.qcow2", discard: "unmap" },
};
const modulesDisk = {
  driver: "raw",
  "node-name": "disk1",
  "read-only": true,
  discard: "ignore",
  file: { driver: "file", filename: "/state/kernels/generic-6.1/modules.ext4", discard: "ignore" },
};

describe("QEMU's command line", () => {
  test("is exactly this for a machine under software emulation", () => {
    assert.deepEqual(commandLine(exampleSpec(), sockets), [
      ...["-name", "guest=brisk-otter"],
      "-nodefaults",
      "-no-user-config",
      ...["-display", "none"],
      ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
      ...["-M", "microvm,pcie=on,acpi=on,dump-guest-core=off"],
      ...["-accel", "tcg,thread=multi,tb-size=256"],
      ...["-cpu", "qemu64,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand"],
      ...["-smp", "2"],
      ...["-m", "1024M"],
      ...["-object", "memory-backend-ram,id=memory,size=1073741824"],
      ...["-machine", "memory-backend=memory"],
      ...["-kernel", "/state/kernels/generic-6.1/vmlinuz"],
      ...["-initrd", "/cache/initramfs"],
      ...["-append", "console=ttyS0 quiet"],
      ...["-chardev", "socket,id=monitor,path=/run/b/1/monitor.sock,server=on,wait=off"],
      ...["-mon", "chardev=monitor,mode=control"],
      ...["-chardev", "file,id=console,path=/state/vms/0123456789ab/console.log,append=on"],
      ...["-serial", "chardev:console"],
      ...["-device", "virtio-serial-pci,max_ports=2"],
      ...["-chardev", "socket,id=agent,path=/run/b/1/agent.sock,server=on,wait=off"],
      ...["-device", "virtserialport,chardev=agent,name=banger.agent.0"],
      ...["-object", "rng-builtin,id=random"],
      ...["-device", "virtio-rng-pci,rng=random"],
      ...["-blockdev", JSON.stringify(rootDisk)],
      ...["-device", "virtio-blk-pci,drive=disk0,serial=banger-root"],
      ...["-blockdev", JSON.stringify(modulesDisk)],
      ...["-device", "virtio-blk-pci,drive=disk1,serial=banger-modules"],
      ...["-trace", "qemu_system_shutdown_request"],
    ]);
  });

  test("takes the host's own processor under KVM", () => {
    const args = commandLine(exampleSpec({ accelerator: "kvm" }), sockets);
    assert.equal(args[args.indexOf("-accel") + 1], "kvm");
    assert.equal(args[args.indexOf("-cpu") + 1], "host");
  });

  test("has the memory of one that will be saved in a file, and of a restored one in a private view of it", () => {
    const memory = (args: string[]) => args[args.indexOf("-object") + 1];
    const saved = commandLine(exampleSpec({ memoryFile: "/t,1/memory" }), sockets);
    const place = "memory-backend-file,id=memory,mem-path=/t,,1/memory";
    assert.equal(memory(saved), `${place},share=on,size=1073741824`);
    assert.equal(saved.includes("-incoming"), false);
    const snapshot = { memory: "/t,1/memory", state: "/t,1/state" };
    const restored = commandLine(exampleSpec(), sockets, snapshot);
    assert.equal(memory(restored), `${place},share=off,size=1073741824`);
    assert.deepEqual(restored.slice(-2), ["-incoming", "defer"]);
    const whole = commandLine(exampleSpec(), sockets, { state: "/t,1/state" });
    assert.equal(memory(whole), "memory-backend-ram,id=memory,size=1073741824");
  });

  test("has a network card only when one is asked for", () => {
    assert.equal(commandLine(exampleSpec(), sockets).join(" ").includes("net"), false);
    const args = commandLine(exampleSpec({ nic: { kind: "user", mac: "52:54:00:12:34:56" } }), sockets);
    assert.equal(args[args.indexOf("-netdev") + 1], "user,id=net,ipv6=off");
    assert.ok(args.includes("virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile="));
  });

  test("keeps the host's side of the network to the card: no forwards, no files, no programs", () => {
    const args = commandLine(exampleSpec({ nic: { kind: "user", mac: "52:54:00:12:34:56" } }), sockets);
    for (const word of ["hostfwd", "guestfwd", "smb", "tftp", "bootfile", "vnc", "virtfs"]) {
      assert.equal(args.join(" ").includes(word), false, word);
    }
  });

  test("doubles the commas of a path, and keeps those of the kernel's parameters", () => {
    const spec = exampleSpec({
      consoleLog: "/a,b/console.log",
      kernel: { vmlinuz: "/a,b/vmlinuz", initramfs: "/a,b/i", commandLine: "x=1,2" },
    });
    const args = commandLine(spec, { agent: "/a,b/agent", monitor: "/a,b/monitor" });
    assert.ok(args.includes("file,id=console,path=/a,,b/console.log,append=on"));
    assert.ok(args.includes("socket,id=agent,path=/a,,b/agent,server=on,wait=off"));
    assert.ok(args.includes("/a,b/vmlinuz"));
    assert.ok(args.includes("x=1,2"));
  });

  test("never lets a path become an option of its own", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (path) => {
        const option = monitorOption(path);
        const parts = option.replaceAll(",,", "\0").split(",");
        assert.deepEqual(
          parts.map((part) => part.split("=")[0]),
          ["socket", "id", "path", "server", "wait"],
        );
      }),
    );
  });

  test("refuses memory that is not whole MiB, which nobody asked for", () => {
    assert.throws(() => commandLine(exampleSpec({ memory: 2 ** 20 + 1 }), sockets), /memory is whole MiB/);
  });
});
