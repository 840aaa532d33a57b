import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { listeningPorts } from "../../src/vm/listening.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:0016 0100007F:B2C4 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
  10: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 0 0
`;

test("only sockets that listen count, on either family of addresses", () => {
  assert.deepEqual([...listeningPorts(table)], [8080, 443]);
  assert.deepEqual([...listeningPorts("")], []);
});

test("a port of this host is found while it listens", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address && typeof address === "object");
  assert.ok(listeningPorts(readFileSync("/proc/net/tcp", "utf8")).has(address.port));
  await new Promise((resolve) => server.close(resolve));
  assert.ok(!listeningPorts(readFileSync("/proc/net/tcp", "utf8")).has(address.port));
});

test("any text is read without an error", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const port of listeningPorts(text)) assert.ok(port >= 0 && port <= 65_535);
    }),
  );
});
