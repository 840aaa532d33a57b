import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Agent } from "../../src/guest/agent.ts";
import { FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import type { GuestJob } from "../../src/guest/jobs.ts";
import { rejectsWith } from "../support/faults.ts";
import { connected, never } from "./agent-double.ts";
import { noRealAgent, realAgent } from "./real-agent.ts";

describe("detached commands, with the agent itself", { skip: noRealAgent() }, () => {
  test("are started, listed, followed and ended", async () => {
    await using real = await realAgent();
    const { agent } = real;
    const id = await agent.detach({ args: ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"] }, never);
    assert.equal(id, 1);
    const [running] = await agent.jobs(never);
    assert.equal(running?.command, "sh -c echo out; echo err >&2; exec sleep 1000");
    assert.equal(running?.ended, undefined);
    assert.ok(Math.abs((running?.started ?? 0) - Date.now()) < 60_000);
    const process = await agent.attach({ vm: "otter", id }, never);
    await agent.killJob({ vm: "otter", id }, 15, never);
    const [stdout, stderr, exit] = await Promise.all([
      process.stdout.toArray(),
      process.stderr.toArray(),
      process.exited,
    ]);
    assert.deepEqual([String(Buffer.concat(stdout)), String(Buffer.concat(stderr))], ["out\n", "err\n"]);
    assert.deepEqual(exit, { code: 143, signal: 15 });
    const { ended } = await over(agent, id);
    assert.deepEqual([ended?.code, ended?.signal], [143, 15]);
    await agent.killJob({ vm: "otter", id }, 15, never);
  });

  test("run on when their follower leaves", async () => {
    await using real = await realAgent();
    const { agent } = real;
    const id = await agent.detach({ args: ["sh", "-c", "echo ready; exec sleep 1000"] }, never);
    const process = await agent.attach({ vm: "otter", id }, never);
    await new Promise((resolve) => process.stdout.once("data", resolve));
    process.reset();
    await rejectsWith(process.exited, "interrupted");
    assert.equal((await agent.jobs(never))[0]?.ended, undefined);
    await agent.killJob({ vm: "otter", id }, 9, never);
    assert.equal((await over(agent, id)).ended?.code, 137);
  });

  test("and attached ones are ended when their time is over", async () => {
    await using real = await realAgent();
    const process = await real.agent.exec({ args: ["sleep", "1000"], timeout: 20 }, never);
    process.stdout.resume();
    process.stderr.resume();
    assert.deepEqual(await process.exited, { code: 143, signal: 15, timedOut: true });
    const id = await real.agent.detach({ args: ["sleep", "1000"], timeout: 20 }, never);
    assert.equal((await over(real.agent, id)).ended?.timedOut, true);
  });

  test("that cannot be started or are not there are refused", async () => {
    await using real = await realAgent();
    const missing = real.agent.detach({ args: ["no-such-program"] }, never);
    assert.equal((await rejectsWith(missing, "exec_failed")).exit, 127);
    const job = { vm: "otter", id: 9 };
    const message = 'vm "otter" has no detached command 9';
    await rejectsWith(real.agent.attach(job, never), "job_not_found", message);
    await rejectsWith(real.agent.killJob(job, 15, never), "job_not_found", message);
    assert.deepEqual(await real.agent.jobs(never), []);
  });
});

describe("detached commands, of an agent", () => {
  test("of version 1 are refused with what to do", async () => {
    await using c = await connected({ version: 1 });
    const asking = c.agent.jobs(never);
    c.double.result((await c.double.next(frameTypes.open)).stream, 38);
    await rejectsWith(
      asking,
      "guest_outdated",
      "the machine's agent is too old to list its detached commands",
    );
    await rejectsWith(
      c.agent.exec({ args: ["true"], timeout: 5 }, never),
      "guest_outdated",
      "the machine's agent is too old to end a command after a time",
    );
  });

  test("that lies about them are made safe, or end its connection", async () => {
    await using c = await connected();
    const listing = c.agent.jobs(never);
    const entry = (command: string): Buffer =>
      new FieldWriter()
        .u32(102, 2)
        .u32(103, 3)
        .u64(104, 2n ** 64n - 1n)
        .u64(108, 5n)
        .text(109, command)
        .finish();
    const answer = new FieldWriter().bytes(101, entry("\u001b[31mred")).bytes(101, entry("x".repeat(9000)));
    c.double.result((await c.double.next(frameTypes.open)).stream, 0, answer);
    const [red, long] = await listing;
    assert.equal(red?.command, "\uFFFD[31mred");
    assert.equal(long?.command.length, 1001);
    assert.ok(new Date(red?.started ?? Number.NaN).toISOString());
    const again = c.agent.jobs(never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream, 0, new FieldWriter().bytes(101, Buffer.alloc(3)));
    await rejectsWith(
      again,
      "guest_protocol",
      "the guest broke the agent protocol: a job that ends inside a field",
    );
  });
});

/** The entry of a job once it has ended. */
async function over(agent: Agent, id: number): Promise<GuestJob> {
  for (;;) {
    const job = (await agent.jobs(never)).find((one) => one.id === id);
    assert.ok(job);
    if (job.ended) return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
