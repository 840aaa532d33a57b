import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { fakeServices } from "../../support/fake-services.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/serve.ts";

function echo(): unknown {
  const both = new PassThrough();
  return { connected: Promise.resolve(), readable: both, writable: both, reset: () => both.destroy() };
}

test("a dialled port is a raw connection with an end of its own in each direction", async (t) => {
  const services = fakeServices();
  services.on("vms.dial", echo);
  const { banger } = await serve(t, services);
  const connection = await banger.vms.dial("dev", { port: 8080 });
  connection.end("hello");
  assert.equal(await text(connection), "hello");
  assert.deepEqual(services.seen, [{ name: "vms.dial", args: ["dev", { port: 8080 }] }]);
});

test("an address and a unix socket arrive as they were given", async (t) => {
  const services = fakeServices();
  services.on("vms.dial", echo);
  const { banger } = await serve(t, services);
  (await banger.vms.dial("a b", { port: 1, address: "::1" })).destroy();
  (await banger.vms.dial("dev", { path: "/run/a b.sock" })).destroy();
  assert.deepEqual(
    services.seen.map(({ args }) => args),
    [
      ["a b", { port: 1, address: "::1" }],
      ["dev", { path: "/run/a b.sock" }],
    ],
  );
});

test("what cannot be reached is an error before anything is switched", async (t) => {
  const services = fakeServices();
  services.on("vms.dial", () => {
    throw fault("dial_failed", { target: "port 80", reason: "nothing listens there" });
  });
  const { banger } = await serve(t, services);
  await rejectsWith(
    banger.vms.dial("dev", { port: 80 }),
    "dial_failed",
    "cannot connect to port 80 in the guest: nothing listens there",
  );
});

test("a target that is none is refused", async (t) => {
  const { banger } = await serve(t, fakeServices());
  for (const target of [{}, { port: 0 }, { port: 65_536 }, { path: "relative" }, { port: 1, path: "/x" }]) {
    await rejectsWith(banger.vms.dial("dev", target), "invalid_request");
  }
  await rejectsWith(banger.vms.dial("dev", { port: 1, address: "example.com" }), "invalid_request");
});

test("a client that leaves while the guest is asked is noticed", async (t) => {
  const services = fakeServices();
  const left = Promise.withResolvers<void>();
  services.on("vms.dial", ((_ref: string, _request: unknown, signal: AbortSignal) => {
    signal.addEventListener("abort", () => left.resolve());
    return new Promise(() => undefined);
  }) as never);
  const { socket } = await serve(t, services);
  const client = createConnection(socket);
  client.write(
    "POST /v1/vms/dev/dial?port=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: banger-dial/1\r\n\r\n",
  );
  setTimeout(() => client.destroy(), 50);
  await left.promise;
});
