import assert from "node:assert/strict";
import { createServer } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { client, ended, freePort, listening, portOf } from "../../network/servers.ts";
import { servedWorld } from "../world.ts";

const ports = {
  address: "127.80.1.2",
  ports: [
    {
      port: 80,
      address: "0.0.0.0",
      process: "nginx",
      endpoint: "127.80.1.2:8080",
      url: "http://127.80.1.2:8080",
      problem: "port 80: this host reserves it for root",
    },
    { port: 9, address: "::", process: "" },
  ],
  published: [{ host: 5000, guest: 80, endpoint: "127.0.0.1:5000", problem: "it is taken on this host" }],
  left: 3,
};

test("vm ports lists ports with their process, endpoint and what is wrong with them", async (context) => {
  const { world, services } = await servedWorld(context);
  services.on("vms.ports", () => ports);
  assert.equal(await world.run("vm", "ports", "dev"), 0);
  assert.equal(
    world.stdout.text,
    "PORT  PROCESS  ENDPOINT         URL                     NOTE\n" +
      "  80  nginx    127.80.1.2:8080  http://127.80.1.2:8080  port 80: this host reserves it for root\n" +
      "   9  -        -\n" +
      "  80  -        127.0.0.1:5000                           published; it is taken on this host\n",
  );
  assert.equal(world.stderr.text, "3 more ports of the machine have no place on this host\n");
});

test("vm ports --json is what the API says", async (context) => {
  const { world, services } = await servedWorld(context);
  services.on("vms.ports", () => ports);
  assert.equal(await world.run("vm", "ports", "--json", "dev"), 0);
  assert.deepEqual(JSON.parse(world.stdout.text), ports);
});

test("--publish becomes a part of the request", async (context) => {
  const { world, services } = await servedWorld(context);
  await world.run("vm", "create", "-p", "8080:80", "--publish", "5000");
  const [request] = services.seen.find(({ name }) => name === "vms.create")?.args ?? [];
  assert.deepEqual((request as { publish: unknown }).publish, [
    { host: 8080, guest: 80 },
    { host: 5000, guest: 5000 },
  ]);
  assert.equal(await world.run("vm", "create", "-p", "8080:x"), 2);
  assert.match(
    world.stderr.text,
    /--publish is "8080:x", expected two ports as HOST:GUEST, each from 1 to 65535/,
  );
});

describe("vm forward", () => {
  test("carries connections to the machine until it is interrupted", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.dial", () => {
      const both = new PassThrough();
      return { connected: Promise.resolve(), readable: both, writable: both, reset: () => both.destroy() };
    });
    const port = await freePort();
    const running = world.run("vm", "forward", "dev", `${port}:80`);
    while (world.stdout.text === "") await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(world.stdout.text, `127.0.0.1:${port} is port 80 of dev; Ctrl-C ends it\n`);
    const peer = await client(port);
    peer.end("through");
    assert.equal(await text(peer), "through");
    world.process.send("SIGINT");
    assert.equal(await running, 130);
    await assert.rejects(client(port), { code: "ECONNREFUSED" });
  });

  test("says which port it cannot have", async (context) => {
    const { world } = await servedWorld(context);
    const taken = await listening(createServer());
    assert.equal(await world.run("vm", "forward", "dev", `${portOf(taken)}:80`), 1);
    assert.match(world.stderr.text, /^error: port \d+ cannot be opened on this host: it is taken\n/);
    await ended(taken);
  });
});
