import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { decode, encode } from "dns-packet";
import { serveDns } from "../../../src/network/dns/server.ts";
import { closing, freePort } from "../servers.ts";

async function serve(t: TestContext): Promise<number> {
  const port = await freePort();
  const server = await serveDns("127.0.0.1", port, (name) => (name === "dev" ? "127.80.1.2" : undefined));
  t.after(() => server.close());
  return port;
}

test("an ordinary resolver finds machines, and learns that others do not exist", async (t) => {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([`127.0.0.1:${await serve(t)}`]);
  assert.deepEqual(await resolver.resolve4("dev.vm"), ["127.80.1.2"]);
  await assert.rejects(resolver.resolve4("other.vm"), { code: "ENOTFOUND" });
  await assert.rejects(resolver.resolve6("dev.vm"), { code: "ENODATA" });
  await assert.rejects(resolver.resolve4("example.com"), { code: "EREFUSED" });
});

test("several questions over one TCP connection are answered in turn, whatever pieces they come in", async (t) => {
  const socket = connect(await serve(t), "127.0.0.1");
  t.after(() => socket.destroy());
  const query = (id: number): Buffer => {
    const bytes = encode({ type: "query", id, questions: [{ name: "dev.vm", type: "A" }] });
    return Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
  };
  const both = Buffer.concat([query(1), query(2)]);
  socket.write(both.subarray(0, 1));
  await new Promise((resolve) => setTimeout(resolve, 5));
  socket.write(both.subarray(1));
  let got: Buffer = Buffer.alloc(0);
  const ids: (number | undefined)[] = [];
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk as Buffer]);
    while (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) {
      const end = 2 + got.readUInt16BE(0);
      ids.push(decode(got.subarray(2, end)).id);
      got = got.subarray(end);
    }
    if (ids.length === 2) break;
  }
  assert.deepEqual(ids, [1, 2]);
});

test("nonsense neither ends the server nor is answered over TCP", async (t) => {
  const port = await serve(t);
  const udp = createSocket("udp4");
  udp.send(Buffer.from("nonsense"), port, "127.0.0.1");
  udp.send(Buffer.alloc(0), port, "127.0.0.1");
  const tcp = connect(port, "127.0.0.1");
  tcp.on("error", () => undefined);
  tcp.write(Buffer.from([0, 3, 1, 2, 3]));
  tcp.resume();
  await closing(tcp);
  const question = encode({ type: "query", id: 9, questions: [{ name: "dev.vm", type: "A" }] });
  udp.send(question, port, "127.0.0.1");
  const [answer] = (await once(udp, "message")) as [Buffer];
  assert.equal(decode(answer).id, 9);
  udp.close();
});

test("a port that is taken is an error, and nothing is left open", async (t) => {
  const port = await serve(t);
  await assert.rejects(
    serveDns("127.0.0.1", port, () => undefined),
    { code: "EADDRINUSE" },
  );
});
