import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Agent, connect } from "./agent.ts";
import { op } from "./codec.ts";

const lived = [
  "run/log/journal/4f/system.journal",
  "var/log/journal/4f/deep/user.journal",
  "var/lib/dhcp/dhclient.leases",
  "var/lib/systemd/random-seed",
  "var/log/wtmp",
];

test("coming to rest for copies, a machine forgets its journals, leases and seeds, and nothing else", async (t) => {
  const { agent, root } = await machine(t);
  for (const path of [...lived, "var/log/dpkg.log"]) put(root, path);
  const { errno } = await agent.call(op.quiesce, [[220, 1]]);
  assert.equal(errno, 0);
  for (const path of lived.slice(0, -1)) assert.equal(existsSync(join(root, path)), false, path);
  assert.deepEqual(readdirSync(join(root, "run/log/journal")), [], "nor the machine's id");
  assert.ok(existsSync(join(root, "var/lib/dhcp")), "other directories stay");
  assert.equal(readFileSync(join(root, "var/log/wtmp"), "utf8"), "");
  assert.equal(readFileSync(join(root, "var/log/dpkg.log"), "utf8"), "lived");
});

test("coming to rest for itself, it keeps all", async (t) => {
  const { agent, root } = await machine(t);
  for (const path of lived) put(root, path);
  const { errno } = await agent.call(op.quiesce, []);
  assert.equal(errno, 0);
  for (const path of lived) assert.equal(readFileSync(join(root, path), "utf8"), "lived", path);
});

test("what it forgets is never outside of it, whatever links its image has", async (t) => {
  const { agent, root } = await machine(t);
  const outside = join(dirname(root), "outside");
  put(outside, "precious");
  mkdirSync(join(root, "var/log"), { recursive: true });
  symlinkSync(outside, join(root, "var/log/journal"));
  symlinkSync(join(outside, "precious"), join(root, "var/log/wtmp"));
  mkdirSync(join(root, "run/log/journal"), { recursive: true });
  symlinkSync(outside, join(root, "run/log/journal/4f"));
  const { errno } = await agent.call(op.quiesce, [[220, 1]]);
  assert.equal(errno, 0);
  assert.equal(readFileSync(join(outside, "precious"), "utf8"), "lived");
  assert.deepEqual(readdirSync(join(root, "run/log/journal")), [], "the link itself is gone");
});

test("an agent that is no machine's refuses to become another", async (t) => {
  const { agent } = await machine(t);
  const { errno, message } = await agent.call(op.identify, [[223, "otter"]]);
  assert.deepEqual([errno, message], [22, "only a booted machine can be given another identity"]);
});

function put(root: string, path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), "lived");
}

async function machine(t: TestContext): Promise<{ agent: Agent; root: string }> {
  const directory = mkdtempSync(join(tmpdir(), "banger-agent-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const root = join(directory, "root");
  mkdirSync(root);
  chmodSync(root, 0o755);
  return { agent: await connect(t, ["--root", root]), root };
}
