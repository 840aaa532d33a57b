import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { portLimit } from "../../src/network/port-mirror.ts";
import { connectionLimit, NetworkService } from "../../src/network/service.ts";
import { Database } from "../../src/store/database.ts";
import { NetworkRepository } from "../../src/store/network-repository.ts";
import { VmRepository } from "../../src/store/vm-repository.ts";
import { throwsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { FakeAgent, until } from "./fake-agent.ts";
import { client, closing, ended, freePort, tcpServer, turnedAway } from "./servers.ts";

const vm = { id: "0123456789ab", name: "dev" };

function service(
  t: TestContext,
  ids: readonly string[] = [vm.id],
): { network: NetworkService; vms: VmRepository } {
  const database = Database.open(`${temporaryDirectory(t)}/state.db`);
  t.after(() => database[Symbol.dispose]());
  const vms = new VmRepository(database);
  for (const id of ids) {
    vms.insert({
      id,
      name: `vm-${id}`,
      state: "running",
      image: { id: "1", name: "x" },
      kernel: "k",
      driver: "qemu",
      spec: { vcpu: 1, memory: 1, disk: 1, nat: false },
      provisioned: true,
      ephemeral: false,
      createdAt: "2026-01-01T00:00:00.000Z",
    });
  }
  return {
    network: new NetworkService({ records: new NetworkRepository(database), log: () => undefined }),
    vms,
  };
}

test("a machine keeps its address, and has it to itself", (t) => {
  const ids = Array.from({ length: 50 }, (_, i) => String(i).padStart(12, "0"));
  const { network, vms } = service(t, ids);
  const addresses = ids.map((id) => network.address(id));
  assert.equal(new Set(addresses).size, 50);
  assert.deepEqual(
    ids.map((id) => network.address(id)),
    addresses,
  );
  vms.delete(ids[0] ?? "");
  assert.throws(() => network.address(ids[0] ?? ""), "an address belongs to a machine");
});

test("what a guest listens on is on its address, and goes with it", async (t) => {
  const { network } = service(t);
  const agent = new FakeAgent();
  agent.routes.set(8080, await tcpServer(t, (socket) => void socket.pipe(socket)));
  const detach = network.attach(vm, agent);
  t.after(detach);
  agent.opened(8080);
  await until(() => network.ports(vm.id).ports.length === 1);
  const address = network.address(vm.id);
  const endpoint = `${address}:8080`;
  assert.deepEqual(network.ports(vm.id).ports, [
    { port: 8080, address: "0.0.0.0", process: "node", endpoint, url: `http://${endpoint}` },
  ]);
  const peer = await client(8080, address);
  peer.end("through");
  assert.equal(await text(peer), "through");
  assert.deepEqual(agent.dialled, [{ port: 8080, address: undefined }]);
  agent.closed(8080);
  await until(() => network.ports(vm.id).ports.length === 0);
  await refused(8080, address);
});

test("an address that is not loopback is dialled as it is, and the usual ones come first", async (t) => {
  const { network } = service(t);
  const agent = new FakeAgent();
  t.after(network.attach(vm, agent));
  agent.changed([
    { change: "opened", port: 5000, address: "10.0.2.15", process: "far" },
    { change: "opened", port: 5001, address: "::", process: "six" },
    { change: "opened", port: 5001, address: "127.0.0.1", process: "four" },
  ]);
  await until(() => network.ports(vm.id).ports.length === 2);
  const [far, near] = network.ports(vm.id).ports;
  assert.deepEqual([far?.address, near?.address, near?.process], ["10.0.2.15", "127.0.0.1", "four"]);
  await turnedAway(5000, network.address(vm.id));
  assert.deepEqual(agent.dialled, [{ port: 5000, address: "10.0.2.15" }]);
});

test("a port that is taken on this host has a substitute, and that is said", async (t) => {
  const { network } = service(t);
  const address = network.address(vm.id);
  const taken = createServer().listen(7000, address);
  await once(taken, "listening");
  t.after(() => ended(taken));
  const agent = new FakeAgent();
  t.after(network.attach(vm, agent));
  agent.opened(7000);
  await until(() => network.ports(vm.id).ports.length === 1);
  const [port] = network.ports(vm.id).ports;
  assert.equal(port?.endpoint, `${address}:17000`);
  assert.equal(port?.problem, "port 7000: it is taken on this host");
});

test("a machine that goes takes its ports and their connections along", async (t) => {
  const { network } = service(t);
  const agent = new FakeAgent();
  const sockets: Socket[] = [];
  agent.routes.set(9000, await tcpServer(t, (socket) => void sockets.push(socket)));
  const detach = network.attach(vm, agent);
  agent.opened(9000);
  await until(() => network.ports(vm.id).ports.length === 1);
  const peer = await client(9000, network.address(vm.id));
  await until(() => sockets.length === 1);
  detach();
  await closing(peer);
  await refused(9000, network.address(vm.id));
  assert.deepEqual(network.ports(vm.id).ports, []);
});

test("a guest that announces sixty thousand ports gets the first of them, and the rest are counted", async (t) => {
  const { network } = service(t);
  const agent = new FakeAgent();
  t.after(network.attach(vm, agent));
  for (let port = 2000; port < 62_000; port += 1000) {
    agent.changed(
      Array.from({ length: 1000 }, (_, i) => ({
        change: "opened" as const,
        port: port + i,
        address: "0.0.0.0",
        process: "",
      })),
    );
  }
  await until(() => network.ports(vm.id).left > 0);
  assert.equal(network.ports(vm.id).ports.length, portLimit);
  assert.equal(network.ports(vm.id).left, 1000 - portLimit);
});

test("a machine has so many connections and no more", async (t) => {
  const { network } = service(t);
  const agent = new FakeAgent();
  agent.routes.set(9100, await tcpServer(t, () => undefined));
  t.after(network.attach(vm, agent));
  agent.opened(9100);
  await until(() => network.ports(vm.id).ports.length === 1);
  const address = network.address(vm.id);
  const peers: Socket[] = [];
  for (let i = 0; i < connectionLimit; i += 1) peers.push(await client(9100, address));
  await until(() => agent.dialled.length === connectionLimit);
  await turnedAway(9100, address);
  for (const peer of peers) peer.destroy();
});

test("a published port leads into the machine whenever it runs, and is tried again while it is taken", async (t) => {
  const { network } = service(t);
  const host = await freePort();
  network.assign(vm.id, [{ host, guest: 80 }]);
  const endpoint = `127.0.0.1:${host}`;
  const resting = { host, guest: 80, endpoint, problem: "the machine does not run" };
  assert.deepEqual(network.ports(vm.id).published, [resting]);
  const agent = new FakeAgent();
  agent.routes.set(80, await tcpServer(t, (socket) => void socket.end("published")));
  const detach = network.attach(vm, agent);
  await until(() => network.ports(vm.id).published[0]?.problem === undefined);
  assert.equal(await text(await client(host)), "published");
  detach();
  await refused(host, "127.0.0.1");
  const taken = createServer().listen(host, "127.0.0.1");
  await once(taken, "listening");
  t.after(network.attach(vm, agent));
  await until(() => network.ports(vm.id).published[0]?.problem === "it is taken on this host");
  await ended(taken);
});

test("a port of the host is published once", (t) => {
  const other = "ba9876543210";
  const { network } = service(t, [vm.id, other]);
  network.assign(vm.id, [{ host: 8080, guest: 80 }]);
  const message = "port 8080 of this host is published already";
  throwsWith(() => network.assign(other, [{ host: 8080, guest: 81 }]), "port_published", message);
  throwsWith(
    () =>
      network.check([
        { host: 1, guest: 1 },
        { host: 1, guest: 2 },
      ]),
    "port_published",
  );
});

async function refused(port: number, address: string): Promise<void> {
  await assert.rejects(client(port, address), { code: "ECONNREFUSED" });
}
