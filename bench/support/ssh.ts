import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { QmpClient } from "../../src/vmm/qemu/qmp/client.ts";
import type { BenchHost } from "./host.ts";

/** The way to a guest's sshd through QEMU's own port forward, for programs of OpenSSH. */
export interface SshWay {
  readonly port: number;
  /** Options that ssh and scp share. */
  readonly options: readonly string[];
}

/** Makes sshd of a machine with `--nat` reachable, with a key of its own, and waits until it answers. */
export async function sshInto(host: BenchHost, name: string, directory: string): Promise<SshWay> {
  const { id } = await host.sdk.vms.show(name);
  const key = join(directory, "key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  await host.ok(["vm", "exec", name, "--", "mkdir", "-p", "/root/.ssh"]);
  await host.ok(["vm", "cp", "-q", `${key}.pub`, `${name}:/root/.ssh/authorized_keys`]);
  const port = await freePort();
  await forward(host, id, port);
  const config = join(directory, "ssh_config");
  writeFileSync(config, "");
  const options = [
    ...["-F", config, "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
    ...["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30"],
  ];
  const way = { port, options };
  for (let attempt = 0; ; attempt += 1) {
    try {
      execFileSync("ssh", [...options, "-p", String(port), "root@127.0.0.1", "true"], { stdio: "ignore" });
      return way;
    } catch (error) {
      if (attempt === 30) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** QEMU's control socket takes one client at a time, so the daemon ends for a moment. */
async function forward(host: BenchHost, id: string, port: number): Promise<void> {
  await host.ok(["daemon", "stop"]);
  using qmp = await QmpClient.connect(join(host.runDirectory(id), "monitor.sock"), { timeout: 10_000 });
  const line = `hostfwd_add net tcp:127.0.0.1:${port}-:22`;
  const answer = await qmp.execute("human-monitor-command", { "command-line": line });
  assert.equal(answer, "");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
