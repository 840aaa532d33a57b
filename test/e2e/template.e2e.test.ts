import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Template } from "../../src/model/template.ts";
import { slim, TestHost } from "./support/host.ts";

describe("templates", () => {
  let host: TestHost;
  before(() => {
    host = new TestHost({ templates: "auto" });
  });
  after(() => host[Symbol.asyncDispose]());

  test("are made on request", async () => {
    const template = await host.json<Template>(["template", "build", "--image", slim, "--memory", "512M"]);
    console.log(template);
    const all = await host.json<Template[]>(["template", "list"]);
    assert.deepEqual(
      all.map(({ id }) => id),
      [template.id],
    );
  });

  test("are copied", async () => {
    for (let i = 0; i < 3; i++) {
      const { status, out, err } = await host.run([
        "vm",
        "run",
        "--rm",
        "--timing",
        "--image",
        slim,
        "--memory",
        "512M",
        "--",
        "sh",
        "-c",
        "cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname; date; head -c 16 /dev/urandom | od -x; journalctl | tail -5; df -h /; systemctl is-system-running; time -p true; cat /proc/mounts | grep boot_id; ls /run/log/journal",
      ]);
      console.log(status, out, err);
    }
  });
});
