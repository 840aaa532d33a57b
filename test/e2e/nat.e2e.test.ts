import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { slim, TestHost } from "./support/host.ts";

test("a machine with --nat reaches a server on the host's loopback, and has a resolver", async () => {
  await using host = new TestHost();
  const server = createServer((_, response) => void response.end("hello from the host"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await host.ok(["vm", "create", "--name", "net", "--nat", "--image", slim], { timeout: 900_000 });
    assert.equal(
      await host.guest("net", `curl -s --max-time 60 http://10.0.2.2:${port}/`),
      "hello from the host",
    );
    assert.match(await host.guest("net", "cat /etc/resolv.conf"), /^nameserver 10\.0\.2\.3$/m);
    assert.match(await host.guest("net", "ip -4 -o addr show scope global"), /10\.0\.2\.15\/24/);
  } finally {
    server.close();
  }
});
