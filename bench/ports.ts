import { once } from "node:events";
import { get } from "node:http";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interleaved, ratios, report } from "./support/figures.ts";
import { BenchHost, image } from "./support/host.ts";

const name = "bench-ports";
const limit = 1.5;

/** A server that is as quick as the guest allows: one process, one write. */
const server = `
use IO::Socket::INET; use POSIX;
my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 8000, Listen => 128, ReuseAddr => 1) or die;
exit if fork; POSIX::setsid(); open STDOUT, ">/dev/null"; open STDERR, ">&STDOUT"; open STDIN, "</dev/null";
$SIG{PIPE} = "IGNORE";
while (my $c = $s->accept) {
  while (my $l = <$c>) { last if $l eq "\\r\\n" }
  syswrite $c, "HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello"; close $c;
}
`;

/** An HTTP request, with its connection, through a mirrored port and through QEMU's own port forward to the same server. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
  await using host = new BenchHost();
  await host.ok(["vm", "create", "--image", image, "--name", name, "--nat"]);
  const command = await host.sdk.vms.exec(name, { args: ["perl", "-"] });
  command.stdin.end(server);
  command.stdout.resume();
  command.stderr.resume();
  await command.exited;
  const forwarded = await freePort();
  await forward(host, forwarded);
  const { address, port } = await mirrored(host);
  const times = await interleaved(Number(values.rounds), {
    qemu: () => timeOfRequest("127.0.0.1", forwarded),
    mirrored: () => timeOfRequest(address, port),
  });
  report("an HTTP request through QEMU's port forward", times.qemu, "ms");
  report("the same through a mirrored port", times.mirrored, "ms");
  report("that, in times of QEMU's", ratios(times.mirrored, times.qemu), "times", limit);
}

/** The monitor takes one client: the daemon lets go of it when it ends, and the next command starts it again. */
async function forward(host: BenchHost, port: number): Promise<void> {
  const { id } = await host.sdk.vms.show(name);
  await host.ok(["daemon", "stop"]);
  const monitor = createConnection(join(host.runDirectory(id), "monitor.sock"));
  const line = `hostfwd_add net tcp:127.0.0.1:${port}-:8000`;
  monitor.write(`{"execute":"qmp_capabilities"}\n`);
  monitor.write(
    `${JSON.stringify({ execute: "human-monitor-command", arguments: { "command-line": line }, id: 1 })}\n`,
  );
  let said = "";
  for await (const chunk of monitor) {
    said += String(chunk);
    if (/"id": 1/.test(said)) break;
  }
  await host.ok(["vm", "list"]);
}

async function mirrored(host: BenchHost): Promise<{ address: string; port: number }> {
  for (;;) {
    const { ports } = await host.sdk.vms.ports(name);
    const [address, port] = ports.find((one) => one.port === 8000)?.endpoint?.split(":") ?? [];
    if (address !== undefined) return { address, port: Number(port) };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function timeOfRequest(host: string, port: number): Promise<number> {
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    get({ host, port, agent: false }, (answer) => {
      answer.resume().once("end", resolve);
    }).once("error", reject);
  });
  return performance.now() - start;
}

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  taken.close();
  return port;
}

await main();
