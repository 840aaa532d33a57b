import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Template } from "../../src/model/template.ts";
import type { Vm } from "../../src/model/vm.ts";
import { slim, TestHost } from "./support/host.ts";

const shape = ["--image", slim, "--memory", "512M", "--vcpu", "1"];

/** What a copy must not share with another, a line each. */
const questions = [
  "cat /etc/machine-id",
  "cat /proc/sys/kernel/random/boot_id",
  "hostname",
  "cat /etc/hostname",
  "head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n'; echo",
  // getrandom(2)
  "mktemp -u XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
  "cat /proc/sys/kernel/random/uuid",
  "cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null || echo none",
];

describe("templates", () => {
  let host: TestHost;
  let template: Template;
  before(async () => {
    host = new TestHost({ templates: "auto" });
    for (const { id } of await host.json<Template[]>(["template", "list"])) {
      await host.ok(["template", "delete", id]);
    }
    template = await host.json<Template>(["template", "build", ...shape]);
  });
  after(async () => {
    await host.run(["template", "delete", template.id]);
    await host[Symbol.asyncDispose]();
  });

  test("leave no machine behind, and are there from then on", async () => {
    assert.deepEqual(await host.vms(), []);
    const all = await host.json<Template[]>(["template", "list"]);
    assert.deepEqual(
      all.map(({ id }) => id),
      [template.id],
    );
    assert.equal(template.image.name, slim);
    assert.ok(template.size < 400 * 2 ** 20, "sparse");
  });

  test("two copies made at the same moment differ in all that makes a machine one of its own", async () => {
    const [one, other] = await Promise.all([copy("twin-one"), copy("twin-two")]);
    const [first = [], second = []] = await Promise.all([answers("twin-one"), answers("twin-two")]);
    for (const [index, question] of questions.entries()) {
      assert.notEqual(first[index], second[index], question);
    }
    assert.equal(first[0], one.origin?.identity?.machineId);
    assert.equal(first[1], one.origin?.identity?.bootId);
    assert.deepEqual(first.slice(2, 4), ["twin-one", "twin-one"]);
    assert.deepEqual(await remains("twin-one"), [], "nothing of what the template lived through");
    assert.equal(second[1], other.origin?.identity?.bootId);
    const shown = await host.ok(["vm", "show", "twin-one"]);
    for (const value of Object.values(one.origin?.identity ?? {})) {
      if (typeof value === "string" && !value.endsWith("Z")) assert.ok(shown.includes(value), value);
    }
    const [told = 0, is = 0] = [Number(await host.guest("twin-one", "date +%s")), Date.now() / 1000];
    assert.ok(Math.abs(told - is) < 5, `its clock says ${told}, the host's ${is}`);
  });

  test("a copy is fully up, with a journal of its own", async () => {
    assert.equal(await host.guest("twin-one", "systemctl is-system-running"), "running");
    const id = await host.guest("twin-one", "cat /etc/machine-id");
    const word = randomUUID();
    const script = `logger ${word}; for i in $(seq 100); do journalctl -q --no-pager | grep -q ${word} && break; sleep 0.2; done; ls /run/log/journal /var/log/journal 2>/dev/null | grep -E '^[0-9a-f]{32}$' | sort -u`;
    assert.equal(await host.guest("twin-one", script), id);
  });

  test("what is logged before the journal has started anew is in it afterwards", async () => {
    const word = randomUUID();
    const args = ["vm", "run", "--rm", ...shape, "--", "sh", "-c"];
    const found = `for i in $(seq 100); do journalctl -q --no-pager | grep -q ${word} && exit 0; sleep 0.2; done; exit 1`;
    await host.ok([...args, `logger ${word}; ${found}`]);
  });

  test("a larger disk has grown before the first command; a copy that is killed at once boots as itself", async () => {
    const { origin } = await copy("large", "--disk", "20G");
    await host.ok(["vm", "kill", "large"]);
    await host.ok(["vm", "start", "large"]);
    const size = Number(await host.guest("large", "df -B1 --output=size / | tail -1"));
    assert.ok(size > 19 * 2 ** 30, `${size} bytes`);
    const [machineId, , ...names] = await answers("large");
    assert.equal(machineId, origin?.identity?.machineId);
    assert.deepEqual(names.slice(0, 2), ["large", "large"]);
    await host.ok(["vm", "delete", "large"]);
  });

  test("a network card works in a copy", async () => {
    const server = createServer((_, response) => void response.end("hello from the host"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { id } = await host.json<Template>(["template", "build", "--nat", ...shape]);
      const { port } = server.address() as AddressInfo;
      await copy("net", "--nat");
      const url = `http://10.0.2.2:${port}/`;
      assert.equal(await host.guest("net", `curl -s --max-time 60 ${url}`), "hello from the host");
      await host.ok(["vm", "delete", "net"]);
      await host.ok(["template", "delete", id]);
    } finally {
      server.close();
    }
  });

  test("a copy keeps its disk and its identity when the template is gone and it boots", async () => {
    await host.ok(["template", "delete", template.id]);
    assert.equal(existsSync(join(host.state, "templates", template.id)), false);
    await host.guest("twin-two", "echo kept > /root/kept; sync");
    const before = await answers("twin-two");
    await host.ok(["vm", "restart", "twin-two"]);
    assert.equal(await host.guest("twin-two", "cat /root/kept"), "kept");
    const afterwards = await answers("twin-two");
    for (const same of [0, 2, 3, 7]) assert.equal(afterwards[same], before[same], questions[same]);
    await host.ok(["vm", "delete", "twin-one", "twin-two"]);
  });

  test("one that QEMU does not take is dropped, and the machine boots", async () => {
    template = await host.json<Template>(["template", "build", ...shape]);
    spoil(join(host.state, "templates", template.id));
    const vm = await host.json<Vm>(["vm", "create", ...shape]);
    assert.equal(vm.origin?.path, "cold");
    const start = `template ${template.id} could not be restored: `;
    assert.ok(vm.origin?.reason.startsWith(start), vm.origin?.reason);
    assert.deepEqual(await host.json<Template[]>(["template", "list"]), []);
    assert.ok(await host.ok(["daemon", "logs"]).then((log) => log.includes("dropping a template")));
    await host.ok(["vm", "delete", vm.name]);
  });

  /** Half of the devices' state is noise, and the manifest says that it is right. */
  function spoil(directory: string): void {
    const [state, list] = [join(directory, "state"), join(directory, "manifest.json")];
    const bytes = readFileSync(state);
    bytes.fill(0xa5, Math.trunc(bytes.length / 2));
    writeFileSync(state, bytes);
    const manifest = JSON.parse(readFileSync(list, "utf8"));
    manifest.files.state.mtime = statSync(state).mtimeMs;
    manifest.files.state.sha256 = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(list, JSON.stringify(manifest));
  }

  async function remains(name: string): Promise<string[]> {
    const files = "/var/lib/systemd/random-seed /var/lib/dhcp/*.leases /run/systemd/netif/leases/*";
    const found = await host.guest(
      name,
      `ls -d ${files} 2>/dev/null; last -w 2>/dev/null | grep still; true`,
    );
    return found === "" ? [] : found.split("\n");
  }

  async function copy(name: string, ...more: string[]): Promise<Vm> {
    const vm = await host.json<Vm>(["vm", "create", "--name", name, ...shape, ...more]);
    assert.equal(vm.origin?.path, "template", vm.origin?.reason);
    return vm;
  }

  async function answers(name: string): Promise<string[]> {
    return (await host.guest(name, questions.join("; "))).split("\n");
  }
});
