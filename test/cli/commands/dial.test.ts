import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import { servedWorld } from "../world.ts";

function echo(): unknown {
  const both = new PassThrough();
  return { connected: Promise.resolve(), readable: both, writable: both, reset: () => both.destroy() };
}

describe("vm dial", () => {
  test("joins standard input and output to the port, until the guest's side ends", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.dial", echo);
    const running = world.run("vm", "dial", "dev", "8080");
    world.stdin.end("question");
    assert.equal(await running, 0);
    assert.equal(world.stdout.text, "question");
    assert.deepEqual(services.seen, [{ name: "vms.dial", args: ["dev", { port: 8080 }] }]);
  });

  test("ends although nobody closes its input, as ssh leaves it", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.dial", () => {
      const [readable, writable] = [new PassThrough(), new PassThrough()];
      readable.end("banner");
      return { connected: Promise.resolve(), readable, writable, reset: () => readable.destroy() };
    });
    assert.equal(await world.run("vm", "dial", "dev", "/run/x.sock"), 0);
    assert.equal(world.stdout.text, "banner");
  });

  test("says why it cannot", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.dial", () => {
      throw fault("dial_failed", { target: "port 81", reason: "nothing listens there" });
    });
    assert.equal(await world.run("vm", "dial", "dev", "81"), 1);
    assert.match(
      world.stderr.text,
      /^error: cannot connect to port 81 in the guest: nothing listens there\n/,
    );
    assert.equal(await world.run("vm", "dial", "dev", "nowhere"), 2);
  });
});
