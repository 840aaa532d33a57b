import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseAddress, listeningAddresses } from "../../src/network/address.ts";
import { tcpServer } from "./servers.ts";

const id = fc.stringMatching(/^[0-9a-f]{12}$/);

test("an address is the same for the same machine, and in a part of loopback of its own", () => {
  fc.assert(
    fc.property(id, (vm) => {
      const address = chooseAddress(vm, () => false);
      assert.equal(
        chooseAddress(vm, () => false),
        address,
      );
      const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
      assert.ok(a === 127 && b >= 64 && b < 128 && c <= 255 && d >= 1 && d <= 254, address);
    }),
  );
});

test("an address that is taken is passed over", () => {
  const taken = new Set<string>();
  for (let n = 0; n < 300; n += 1) {
    const address = chooseAddress("0123456789ab", (one) => taken.has(one));
    assert.ok(!taken.has(address));
    taken.add(address);
  }
  assert.match(
    chooseAddress("0123456789ab", () => true),
    /^127\./,
  );
});

test("the addresses that this host listens on are known", async (t) => {
  await tcpServer(t, () => undefined, "127.77.1.2");
  assert.ok(listeningAddresses().has("127.77.1.2"));
  const table = [
    "  sl  local_address rem_address   st",
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000",
    "   1: 0200007F:1F90 00000000:0000 01 00000000:00000000",
    "nonsense",
  ].join("\n");
  assert.deepEqual([...listeningAddresses(table)], ["127.0.0.1"]);
});
