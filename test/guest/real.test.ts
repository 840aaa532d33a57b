import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import type { Agent } from "../../src/guest/agent.ts";
import type { ExecSpec } from "../../src/guest/exec.ts";
import { rejectsWith } from "../support/faults.ts";
import { never } from "./agent-double.ts";
import { noRealAgent, realAgent } from "./real-agent.ts";

describe("with the agent itself, as a process of this host", { skip: noRealAgent() }, () => {
  test("a command has its outputs, its status and its process id", async () => {
    await using real = await realAgent();
    const process = await real.agent.exec({ args: ["sh", "-c", "echo out; echo err >&2; exit 3"] }, never);
    assert.ok(process.pid > 1);
    assert.deepEqual(await finish(process), { stdout: "out\n", stderr: "err\n", code: 3 });
  });

  test("the welcome is that of a guest that has booted", async () => {
    await using real = await realAgent();
    assert.equal(real.agent.welcome.phase, "booted");
    assert.equal(real.agent.welcome.version, 2);
    await real.agent.ping(never);
    const info = await real.agent.info(never);
    assert.ok(info.memoryTotal >= info.memoryAvailable && info.memoryAvailable > 0);
    assert.equal(info.phase, "booted");
    await real.agent.sync(never);
  });

  test("arguments, variables and directories arrive as they are", async () => {
    await using real = await realAgent();
    const args = ["a b", "", "line\nbreak", "'quotes\"", Buffer.from([0xff, 0x80])];
    const process = await real.agent.exec(
      { args: ["sh", "-c", 'printf "%s|" "$@" "$X" "$PWD"', "sh", ...args], env: ["X=1=2"], cwd: "/usr/bin" },
      never,
    );
    process.stderr.resume();
    const got = Buffer.concat(await process.stdout.toArray());
    const expected = [...args, "1=2", "/usr/bin"].map((arg) =>
      Buffer.concat([Buffer.from(arg), Buffer.from("|")]),
    );
    assert.deepEqual(got, Buffer.concat(expected));
  });

  test("what is not there has status 127, and what cannot be run 126", async () => {
    await using real = await realAgent();
    const missing = await rejectsWith(real.agent.exec({ args: ["no-such-program"] }, never), "exec_failed");
    assert.equal(missing.exit, 127);
    const elsewhere = real.agent.exec({ args: ["true"], cwd: "/no/such/directory" }, never);
    assert.equal((await rejectsWith(elsewhere, "exec_failed")).exit, 126);
    const data = await rejectsWith(real.agent.exec({ args: ["/etc/passwd"] }, never), "exec_failed");
    assert.equal(data.exit, 126);
  });

  test("operations out of their phase are refused by name", async () => {
    await using real = await realAgent();
    const error = await rejectsWith(real.agent.boot({}, never), "guest_refused");
    assert.equal((error.params as { errno: string }).errno, "EINVAL");
  });

  test("signals reach it, and its end by one is told", async () => {
    await using real = await realAgent();
    const process = await real.agent.exec({ args: ["sleep", "60"] }, never);
    process.stdout.resume();
    process.stderr.resume();
    process.kill(15);
    assert.deepEqual(await process.exited, { code: 143, signal: 15 });
  });

  test("a terminal has the size it was given, and the next one", async () => {
    await using real = await realAgent();
    const script = "stty size; read line; stty size";
    const process = await real.agent.exec(
      { args: ["sh", "-c", script], tty: { rows: 30, columns: 100 } },
      never,
    );
    let screen = "";
    process.stdout.on("data", (chunk: Buffer) => {
      screen += String(chunk);
      if (screen !== "30 100\r\n") return;
      process.resize(40, 120);
      process.stdin.write("\n");
    });
    assert.deepEqual(await process.exited, { code: 0 });
    assert.match(screen, /^30 100\r\n.*40 120\r\n$/s);
  });

  test("a hundred megabytes go in and come out the same", async () => {
    await using real = await realAgent();
    const process = await real.agent.exec({ args: ["cat"] }, never);
    process.stderr.resume();
    const sent = createHash("sha256");
    const received = createHash("sha256");
    const block = randomBytes(1_000_000);
    const source = function* (): Generator<Buffer> {
      for (let i = 0; i < 100; i += 1) {
        block.writeUInt32LE(i, 0);
        const chunk = Buffer.from(block);
        sent.update(chunk);
        yield chunk;
      }
    };
    let size = 0;
    await Promise.all([
      pipeline(Readable.from(source(), { objectMode: false }), process.stdin),
      (async () => {
        for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
          size += chunk.length;
          received.update(chunk);
        }
      })(),
    ]);
    assert.equal(size, 100_000_000);
    assert.equal(received.digest("hex"), sent.digest("hex"));
    assert.deepEqual(await process.exited, { code: 0 });
  });

  test("two hundred commands at once keep their bytes to themselves", async () => {
    await using real = await realAgent();
    const runs = Array.from({ length: 200 }, async (_, i) => {
      const spec = { args: ["sh", "-c", `cat; echo ${i} >&2; exit ${i % 100}`] };
      const process = await real.agent.exec(spec, never);
      const input = `${i} `.repeat(500 + i);
      process.stdin.end(input);
      const { stdout, stderr, code } = await finish(process);
      assert.equal(stdout, input);
      assert.equal(stderr, `${i}\n`);
      assert.equal(code, i % 100);
    });
    await Promise.all(runs);
  });

  test("one whose output nobody reads does not hold up the others", async () => {
    await using real = await realAgent();
    const stalled = await real.agent.exec({ args: ["cat", "/dev/zero"] }, never);
    assert.equal((await run(real.agent, { args: ["echo", "still here"] })).stdout, "still here\n");
    stalled.reset();
    await rejectsWith(stalled.exited, "interrupted");
    assert.equal((await run(real.agent, { args: ["echo", "and here"] })).stdout, "and here\n");
  });

  test("one that was let go is gone from the guest", async () => {
    await using real = await realAgent();
    const process = await real.agent.exec({ args: ["sleep", "61.25"] }, never);
    process.reset();
    await rejectsWith(process.exited, "interrupted");
    const alive = async (): Promise<boolean> =>
      (await run(real.agent, { args: ["sh", "-c", `kill -0 ${process.pid} 2>/dev/null`] })).code === 0;
    for (let i = 0; i < 200 && (await alive()); i += 1);
    assert.equal(await alive(), false);
  });
});

async function run(agent: Agent, spec: ExecSpec): Promise<{ stdout: string; stderr: string; code: number }> {
  return await finish(await agent.exec(spec, never));
}

async function finish(
  process: Awaited<ReturnType<Agent["exec"]>>,
): Promise<{ stdout: string; stderr: string; code: number }> {
  const [stdout, stderr, { code }] = await Promise.all([
    process.stdout.toArray(),
    process.stderr.toArray(),
    process.exited,
  ]);
  return { stdout: String(Buffer.concat(stdout)), stderr: String(Buffer.concat(stderr)), code };
}
