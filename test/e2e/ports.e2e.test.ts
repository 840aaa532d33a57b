import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import type { VmPorts } from "../../src/model/ports.ts";
import { slim, TestHost } from "./support/host.ts";

/** Says how much it got when the other side has ended, after it has sent everything back. */
const echoServer = `
use IO::Socket::INET; use POSIX;
my ($address, $port) = @ARGV;
my $s = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Listen => 128, ReuseAddr => 1) or die;
exit if fork; POSIX::setsid(); open STDOUT, ">/dev/null"; open STDERR, ">&STDOUT"; open STDIN, "</dev/null";
$SIG{CHLD} = "IGNORE";
while (my $c = $s->accept) {
  if (!fork) { my $n = 0; while (sysread($c, my $b, 65536)) { $n += length $b; syswrite($c, $b) } syswrite($c, "got $n"); exit }
  close $c;
}
`;

const httpServer = `
use IO::Socket::INET; use POSIX;
my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 80, Listen => 128, ReuseAddr => 1) or die;
exit if fork; POSIX::setsid(); open STDOUT, ">/dev/null"; open STDERR, ">&STDOUT"; open STDIN, "</dev/null";
while (my $c = $s->accept) {
  while (my $l = <$c>) { last if $l eq "\\r\\n" }
  print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello"; close $c;
}
`;

describe("the ports of a machine", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    const published = ["--publish", "28080:8080"];
    await host.ok(["vm", "create", "--name", "ports", "--image", slim, ...published], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  async function listed(): Promise<VmPorts> {
    return await host.json<VmPorts>(["vm", "ports", "ports"]);
  }

  /** Until the machine's list fits. */
  async function eventually(fits: (ports: VmPorts) => boolean): Promise<VmPorts> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const ports = await listed();
      if (fits(ports)) return ports;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail(JSON.stringify(await listed()));
  }

  const has = (port: number) => (ports: VmPorts) => ports.ports.some((one) => one.port === port);

  async function serve(script: string, ...args: string[]): Promise<void> {
    await host.ok(["vm", "exec", "ports", "--", "perl", "-", ...args], { input: script });
  }

  async function exchange(endpoint: string, message: string): Promise<string> {
    const [address = "", port = ""] = endpoint.split(":");
    const socket = connect({ host: address, port: Number(port), allowHalfOpen: true });
    socket.end(message);
    return await text(socket);
  }

  test("are on its own address while something listens, on its loopback, too, with the process's name", async () => {
    await serve(echoServer, "127.0.0.1", "8080");
    const { address, ports } = await eventually(has(8080));
    assert.match(address, /^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./);
    const port = ports.find((one) => one.port === 8080);
    assert.equal(port?.endpoint, `${address}:8080`);
    assert.equal(port?.process, "perl");
    assert.equal(await exchange(port?.endpoint ?? "", "hello"), "hellogot 5");
  });

  test("carry a megabyte both ways", async () => {
    const { address } = await listed();
    const answer = await exchange(`${address}:8080`, "x".repeat(1_000_000));
    assert.equal(answer.length, 1_000_000 + "got 1000000".length);
  });

  test("that were published are where they were asked for", async () => {
    assert.equal(await exchange("127.0.0.1:28080", "published"), "publishedgot 9");
  });

  test("are dialled through standard input and output", async () => {
    const { out, status } = await host.run(["vm", "dial", "ports", "8080"], { input: "dialled" });
    assert.deepEqual([out, status], ["dialledgot 7", 0]);
    const { err, status: refused } = await host.run(["vm", "dial", "ports", "81"]);
    assert.equal(refused, 1);
    assert.match(err, /cannot connect to port 81 in the guest: nothing listens there/);
  });

  test("are forwarded until Ctrl-C", async () => {
    const child = host.start(["vm", "forward", "ports", "28081:8080"]);
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    assert.equal(await exchange("127.0.0.1:28081", "forwarded"), "forwardedgot 9");
    child.kill("SIGINT");
    await once(child, "close");
  });

  test("serve HTTP by address and by name", async () => {
    await serve(httpServer);
    const { ports } = await eventually(has(80));
    const { url = "" } = ports.find((one) => one.port === 80) ?? {};
    assert.equal(await fetch(url).then((response) => response.text()), "hello");
    const { names } = await host.json<{
      names: Record<"dns" | "proxy", { endpoint: string; problem?: string }>;
    }>(["daemon", "status"]);
    // Another daemon of this host may have the usual ports.
    if (names.proxy.problem === undefined) {
      const [address, port] = names.proxy.endpoint.split(":");
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ host: address, port, headers: { Host: "ports.localhost" }, agent: false }, resolve).on(
          "error",
          reject,
        );
      });
      assert.equal(await text(answer), "hello");
    }
    if (names.dns.problem === undefined) {
      const resolver = new Resolver();
      resolver.setServers([names.dns.endpoint]);
      assert.deepEqual(await resolver.resolve4("ports.vm"), [(await listed()).address]);
    }
  });

  test("go when nobody listens any more", async () => {
    await host.guest("ports", "kill $(pgrep -f LocalPort >/dev/null; pgrep perl) || true");
    const { address } = await eventually((ports) => !has(8080)(ports) && !has(80)(ports));
    await assert.rejects(exchange(`${address}:8080`, "x"), { code: "ECONNREFUSED" });
  });

  test("are there again after the daemon was", async () => {
    await serve(echoServer, "127.0.0.1", "8080");
    const { address } = await eventually(has(8080));
    await host.ok(["daemon", "stop"]);
    await assert.rejects(exchange(`${address}:8080`, "x"), { code: "ECONNREFUSED" });
    await eventually(has(8080));
    assert.equal(await exchange(`${address}:8080`, "again"), "againgot 5");
    await eventually(({ published }) => published[0]?.problem === undefined);
    assert.equal(await exchange("127.0.0.1:28080", "again"), "againgot 5");
  });

  test("take two thousand connections, and leave none", async () => {
    const { address } = await listed();
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          assert.equal(await exchange(`${address}:8080`, `${i}`), `${i}got ${`${i}`.length}`);
        }),
      );
    }
    assert.equal(await host.guest("ports", "cat /proc/net/tcp | grep -c ' 01 ' || true"), "0");
  });

  test("go with the machine", async () => {
    const { address } = await listed();
    await host.ok(["vm", "stop", "ports"]);
    await assert.rejects(exchange(`${address}:8080`, "x"), { code: "ECONNREFUSED" });
    const { ports, published } = await listed();
    assert.deepEqual(ports, []);
    assert.equal(published[0]?.problem, "the machine does not run");
  });
});
