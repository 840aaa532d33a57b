import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { guestFiles } from "../../src/vm/guest-files.ts";
import { macAddress, machineId, newVmId } from "../../src/vm/identity.ts";

const hostKey = { privateKey: "private", publicKey: "public" };
const vm = { id: "0123456789ab", name: "otter", nat: false, provisioned: false };

describe("the files of a guest", () => {
  test("give it its name, its id and its keys at the first boot", () => {
    assert.deepEqual(guestFiles(vm, hostKey), [
      { path: "/etc/hostname", content: "otter\n" },
      {
        path: "/etc/hosts",
        content: [
          "127.0.0.1\tlocalhost",
          "127.0.1.1\totter",
          "::1\tlocalhost ip6-localhost ip6-loopback",
          "ff02::1\tip6-allnodes",
          "ff02::2\tip6-allrouters",
          "",
        ].join("\n"),
      },
      { path: "/etc/machine-id", content: `${machineId(vm.id)}\n`, mode: 0o444 },
      { path: "/etc/ssh/ssh_host_ed25519_key", content: "private", mode: 0o600, onlyInDirectory: true },
      { path: "/etc/ssh/ssh_host_ed25519_key.pub", content: "public", onlyInDirectory: true },
    ]);
  });

  test("replace nothing at a later boot", () => {
    const later = guestFiles({ ...vm, provisioned: true }, hostKey);
    assert.deepEqual(
      later,
      guestFiles(vm, hostKey).map((file) => ({ ...file, onlyIfMissing: true })),
    );
  });

  test("name the resolver of the network at every boot, if there is one", () => {
    const resolver = { path: "/etc/resolv.conf", content: "nameserver 10.0.2.3\n" };
    for (const provisioned of [false, true]) {
      assert.deepEqual(guestFiles({ ...vm, nat: true, provisioned }, hostKey).at(-1), resolver);
    }
  });
});

describe("the identity of a machine", () => {
  test("comes from its id, and is unlike that of another", () => {
    assert.match(machineId("0123456789ab"), /^[0-9a-f]{32}$/);
    assert.equal(machineId("0123456789ab"), machineId("0123456789ab"));
    assert.notEqual(machineId("0123456789ab"), machineId("0123456789ac"));
    assert.equal(macAddress("0123456789ab"), "52:54:00:01:23:45");
  });

  test("starts with twelve digits that nobody else has", () => {
    const ids = Array.from({ length: 50 }, newVmId);
    assert.equal(new Set(ids).size, 50);
    for (const id of ids) assert.match(id, /^[0-9a-f]{12}$/);
  });
});
