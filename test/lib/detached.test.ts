import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { startDetached } from "../../src/lib/detached.ts";
import { isAlive, signalProcess } from "../../src/lib/process-identity.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

test("a detached process leads a session, reads nothing, writes to its log, and makes private files", async (t) => {
  const directory = temporaryDirectory(t);
  const log = join(directory, "out.log");
  writeFileSync(log, "of an earlier process\n");
  const script = "cat; echo said; echo complained >&2; touch made; exit 3";
  const child = await startDetached("sh", ["-c", script], { log, cwd: directory, env: process.env });
  assert.deepEqual(await child.exited, { status: 3, signal: undefined });
  assert.equal(readFileSync(log, "utf8"), "said\ncomplained\n");
  assert.equal(statSync(join(directory, "made")).mode & 0o777, 0o600);
});

test("a detached process holds none of this program's files or sockets open", async (t) => {
  const directory = temporaryDirectory(t);
  const server = createServer().listen(join(directory, "socket"));
  await once(server, "listening");
  t.after(() => server.close());
  const options = { log: join(directory, "log"), cwd: "/", env: process.env };
  const child = await startDetached("sleep", ["60"], options);
  t.after(() => signalProcess(child.identity, "SIGKILL"));
  const folder = `/proc/${child.identity.pid}/fd`;
  const open = readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)));
  assert.deepEqual(open.slice(0, 3), ["/dev/null", options.log, options.log]);
  const ours = open.filter((target) => target.startsWith("socket:") || target.startsWith("anon_inode:"));
  assert.deepEqual(ours, []);
  const fields = readFileSync(`/proc/${child.identity.pid}/stat`, "utf8").split(") ")[1]?.split(" ");
  assert.equal(Number(fields?.[3]), child.identity.pid);
  assert.ok(isAlive(child.identity));
  signalProcess(child.identity, "SIGKILL");
  assert.deepEqual(await child.exited, { status: undefined, signal: "SIGKILL" });
  assert.equal(isAlive(child.identity), false);
});

test("a program that does not exist is named", async (t) => {
  const options = { log: join(temporaryDirectory(t), "log"), cwd: "/", env: process.env };
  const message = 'the program "no-such-program" was not found';
  await rejectsWith(startDetached("no-such-program", [], options), "tool_missing", message);
});

test("a log that cannot be made is a fault of its own", async (t) => {
  const directory = mkdtempSync(join(temporaryDirectory(t), "x"));
  const options = { log: join(directory, "log"), cwd: directory, env: process.env };
  const child = await startDetached("true", [], options);
  await child.exited;
  await assert.rejects(startDetached("true", [], { ...options, log: join(directory, "no", "log") }), {
    code: "ENOENT",
  });
});
