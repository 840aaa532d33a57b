import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../src/lib/errors/error.ts";
import { run, stream } from "../../src/lib/process.ts";
import { identify } from "../../src/lib/process-identity.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

describe("run", () => {
  test("gives status, output and diagnostics", async () => {
    const result = await run("sh", ["-c", "echo out; echo err >&2"]);
    assert.deepEqual(result, { status: 0, stdout: "out\n", stderr: "err\n" });
  });

  test("passes arguments as they are, without a shell", async () => {
    const result = await run("printf", ["%s|", "a b", "$HOME", "", "new\nline", "'\""]);
    assert.equal(result.stdout, "a b|$HOME||new\nline|'\"|");
  });

  test("feeds standard input", async () => {
    assert.equal((await run("cat", [], { input: "hello" })).stdout, "hello");
    assert.equal((await run("cat", [])).stdout, "");
  });

  test("survives a program that does not read its input", async () => {
    const result = await run("true", [], { input: "x".repeat(1_000_000) });
    assert.equal(result.status, 0);
  });

  test("uses the directory and the environment it is given", async (t) => {
    const cwd = temporaryDirectory(t);
    const result = await run("sh", ["-c", 'pwd; echo "$A"'], {
      cwd,
      env: { PATH: process.env.PATH, A: "1" },
    });
    assert.equal(result.stdout, `${cwd}\n1\n`);
  });

  test("says that a program is not there", async () => {
    await rejectsWith(
      run("no-such-program", []),
      "tool_missing",
      'the program "no-such-program" was not found',
    );
  });

  test("says how a program failed, in its own words", async () => {
    await rejectsWith(
      run("sh", ["-c", "echo one >&2; echo two >&2; exit 3"]),
      "tool_failed",
      "sh failed (status 3): one / two",
    );
    await rejectsWith(run("sh", ["-c", "kill -9 $$"]), "tool_failed", "sh failed (signal SIGKILL)");
  });

  test("accepts the statuses that are not errors", async () => {
    const result = await run("sh", ["-c", "exit 4"], { accept: [0, 4] });
    assert.equal(result.status, 4);
  });

  test("ends a program at its deadline", async () => {
    await rejectsWith(run("sleep", ["60"], { timeout: 50 }), "timed_out", "sleep took longer than 0.05 s");
  });

  test("kills a program that ignores the polite signal", async () => {
    await rejectsWith(
      run("sh", ["-c", "trap '' TERM; while :; do sleep 0.1; done"], { timeout: 50 }),
      "timed_out",
      "sh took longer than 0.05 s",
    );
  });

  test("stops when the signal aborts, and does not start when it already has", async (t) => {
    const abort = new AbortController();
    const mark = join(temporaryDirectory(t), "mark");
    const running = run("sleep", ["60"], { signal: abort.signal });
    setTimeout(() => abort.abort(), 30);
    await rejectsWith(running, "interrupted", "sleep was cancelled");
    await rejectsWith(run("touch", [mark], { signal: abort.signal }), "interrupted", "touch was cancelled");
    assert.ok(!existsSync(mark));
  });

  test("stops when the signal aborts while the program is being started", async () => {
    const abort = new AbortController();
    const running = run("sleep", ["60"], { signal: abort.signal });
    abort.abort();
    await rejectsWith(running, "interrupted", "sleep was cancelled");
  });

  test("ends everything that a program in a group of its own has started", async (t) => {
    const file = join(temporaryDirectory(t), "pid");
    const script = `sleep 60 & echo $! > ${file}; exit 0`;
    await rejectsWith(
      run("sh", ["-c", script], { group: true, timeout: 1000 }),
      "timed_out",
      "sh took longer than 1 s",
    );
    const pid = Number(readFileSync(file, "utf8"));
    assert.equal(identify(pid), undefined);
  });

  test("gives a program its time to clean up", async (t) => {
    const mark = join(temporaryDirectory(t), "mark");
    const script = `trap 'sleep 0.2; touch ${mark}; exit 0' TERM; echo ready; while :; do sleep 0.05; done`;
    await rejectsWith(
      run("sh", ["-c", script], { group: true, timeout: 1000, grace: 10_000 }),
      "timed_out",
      "sh took longer than 1 s",
    );
    assert.ok(existsSync(mark));
  });

  test("lets diagnostics be heard as they come", async () => {
    const heard: Buffer[] = [];
    await run("sh", ["-c", "echo one >&2; echo two >&2"], { onStderr: (chunk) => heard.push(chunk) });
    assert.equal(Buffer.concat(heard).toString(), "one\ntwo\n");
  });

  test("refuses output without end", async () => {
    await rejectsWith(run("yes", []), "tool_failed", "yes failed (output over 16 MiB)");
  });
});

describe("stream", () => {
  test("hands both ends to the conversation and returns its result", async () => {
    const answer = await stream("cat", [], {}, async ({ stdin, stdout }) => {
      stdin.end("ping");
      let text = "";
      for await (const chunk of stdout) text += String(chunk);
      return text;
    });
    assert.equal(answer, "ping");
  });

  test("keeps what a program printed that has ended before anybody reads", async () => {
    const answer = await stream("echo", ["early"], {}, async ({ stdout }) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      let text = "";
      for await (const chunk of stdout) text += String(chunk);
      return text;
    });
    assert.equal(answer, "early\n");
  });

  test("ends the program when the conversation fails, and reports that failure", async (t) => {
    const file = join(temporaryDirectory(t), "pid");
    const talk = stream(
      "sh",
      ["-c", `echo $$ > ${file}; echo ready; exec sleep 60`],
      {},
      async ({ stdout }) => {
        for await (const _ of stdout) throw fault("internal", { detail: "enough" });
      },
    );
    await rejectsWith(talk, "internal", "internal error: enough");
    const pid = Number(readFileSync(file, "utf8"));
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  test("reports the program's failure before the conversation's, which follows from it", async () => {
    const talk = stream("sh", ["-c", "echo broken >&2; exit 1"], {}, async ({ stdout }) => {
      for await (const _ of stdout) assert.fail("nothing comes");
      throw fault("internal", { detail: "no output" });
    });
    await rejectsWith(talk, "tool_failed", "sh failed (status 1): broken");
  });
});
