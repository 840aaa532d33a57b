import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { DetachRequest, ExecRequest } from "../../../src/model/api/requests.ts";
import { FakeGuestProcess, sampleJob } from "../../support/fake-services.ts";
import { servedWorld } from "../world.ts";

describe("vm exec --detach", () => {
  test("prints the id, and as JSON when asked", async (context) => {
    const { world, services } = await servedWorld(context);
    const requests: DetachRequest[] = [];
    services.on("vms.detach", (_: string, request: DetachRequest) => {
      requests.push(request);
      return 3;
    });
    assert.equal(await world.run("vm", "exec", "-d", "--timeout", "1.5m", "dev", "--", "make", "test"), 0);
    assert.equal(world.stdout.text, "3\n");
    assert.equal(requests[0]?.timeout, 90_000);
    assert.deepEqual(
      requests[0]?.args?.map((arg) => String(Buffer.from(arg, "base64"))),
      ["make", "test"],
    );
    const other = await servedWorld(context);
    assert.equal(await other.world.run("vm", "exec", "-d", "--json", "dev", "--", "true"), 0);
    assert.deepEqual(JSON.parse(other.world.stdout.text), { id: 3 });
  });

  test("has no terminal", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("vm", "exec", "-dt", "dev", "--", "true"), 2);
    assert.match(world.stderr.text, /--detach and --tty exclude each other/);
  });
});

describe("vm exec --timeout", () => {
  test("ends with status 124 and says why", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    const requests: ExecRequest[] = [];
    services.on("vms.exec", (_: string, request: ExecRequest) => {
      requests.push(request);
      return guest;
    });
    const running = world.run("vm", "exec", "--timeout", "5", "dev", "--", "sleep", "9");
    guest.stdout.end();
    guest.stderr.end();
    guest.outcome.resolve({ code: 143, signal: 15, timedOut: true });
    assert.equal(await running, 124);
    assert.equal(requests[0]?.timeout, 5000);
    assert.match(world.stderr.text, /the command took longer than its --timeout and was ended/);
  });
});

describe("vm jobs", () => {
  test("lists what runs and how what ran has ended", async (context) => {
    const { world, services } = await servedWorld(context);
    const ended = { ...sampleJob, state: "ended", endedAt: sampleJob.startedAt };
    services.on("vms.jobs", () => [
      sampleJob,
      { ...ended, id: 4, code: 0 },
      { ...ended, id: 5, code: 137, signal: "KILL" },
      { ...ended, id: 6, code: 124, signal: "TERM", timedOut: true },
    ]);
    assert.equal(await world.run("vm", "jobs", "dev"), 0);
    const rows = world.stdout.text.trimEnd().split("\n");
    assert.deepEqual(
      rows.map((row) =>
        /^ *(\S+) +(running|exited 0|killed by KILL|timed out|STATE) .*?(\S+ ?\S*)$/.exec(row)?.slice(1, 3),
      ),
      [
        ["ID", "STATE"],
        ["3", "running"],
        ["4", "exited 0"],
        ["5", "killed by KILL"],
        ["6", "timed out"],
      ],
    );
    assert.match(rows[1] ?? "", /2 KiB {2}make test$/);
    const other = await servedWorld(context);
    assert.equal(await other.world.run("vm", "jobs", "dev", "--json"), 0);
    assert.deepEqual(JSON.parse(other.world.stdout.text), [sampleJob]);
  });

  test("ends those it is told to, by the signal it is told", async (context) => {
    const { world, services } = await servedWorld(context);
    const killed: unknown[][] = [];
    services.on("vms.killJob", (...args: unknown[]) => void killed.push(args.slice(0, 3)));
    assert.equal(await world.run("vm", "jobs", "dev", "--kill", "3", "-k", "4", "--signal", "sigint"), 0);
    assert.deepEqual(killed, [
      ["dev", 3, "INT"],
      ["dev", 4, "INT"],
    ]);
    assert.equal(world.stdout.text, "");
  });

  test("takes no signal without a command, and none that does not exist", async (context) => {
    const { world } = await servedWorld(context);
    assert.equal(await world.run("vm", "jobs", "dev", "--signal", "TERM"), 2);
    assert.equal(await world.run("vm", "jobs", "dev", "-k", "3", "--signal", "NOSUCH"), 2);
    assert.match(world.stderr.text, /--signal is "NOSUCH", expected TERM, KILL/);
  });
});

describe("vm attach", () => {
  test("prints the output and has the status of the command", async (context) => {
    const { world, services } = await servedWorld(context);
    const guest = new FakeGuestProcess();
    const requests: ExecRequest[] = [];
    services.on("vms.exec", (_: string, request: ExecRequest) => {
      requests.push(request);
      return guest;
    });
    const running = world.run("vm", "attach", "dev", "3");
    guest.stdout.write("out");
    guest.stderr.write("err");
    guest.exit(7);
    assert.equal(await running, 7);
    assert.equal(requests[0]?.job, 3);
    assert.deepEqual([world.stdout.text, world.stderr.text], ["out", "err"]);
  });

  test("says when there is no such command", async (context) => {
    const { world, services } = await servedWorld(context);
    services.on("vms.exec", () => {
      throw fault("job_not_found", { vm: "dev", job: 9 });
    });
    assert.equal(await world.run("vm", "attach", "dev", "9"), 1);
    assert.match(world.stderr.text, /vm "dev" has no detached command 9/);
    assert.equal(await world.run("vm", "attach", "dev", "nine"), 2);
  });
});
