import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost } from "./support/host.ts";

test("Docker runs in the default image, on an image made of the guest's own files", async () => {
  await using host = new TestHost();
  await host.ok(["vm", "create", "--name", "docker", "--memory", "2G"], { timeout: 1_200_000 });
  assert.equal(await host.systemState("docker"), "running");
  assert.equal(await host.guest("docker", "systemctl --failed --no-legend --plain | wc -l"), "0");
  const script = `set -e
mkdir -p /tmp/root && cd /tmp/root
ldd /bin/echo | grep -o '/[^ ]*' | while read -r library; do mkdir -p ".$(dirname "$library")"; cp "$library" ".$library"; done
mkdir -p bin && cp /bin/echo bin/
tar -c . | docker import - tiny >/dev/null
docker run --rm --network none tiny /bin/echo from a container`;
  assert.equal(await host.guest("docker", script), "from a container");
  assert.equal(await host.guest("docker", "docker run --rm tiny /bin/echo with a network"), "with a network");
});
