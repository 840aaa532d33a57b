import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ExecSpec } from "../../src/guest/exec.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { connected, never } from "./agent-double.ts";

describe("the order to run a command", () => {
  test("carries everything of it, in the fields of the document", async () => {
    const spec: ExecSpec = {
      args: ["sh", "-c", "echo 'a\nb'", "", Buffer.from([0xff, 0xfe])],
      env: ["A=1", Buffer.from("B=\u00e9")],
      user: "1000:docker",
      cwd: "/srv/a b",
      tty: { rows: 24, columns: 80 },
    };
    assert.deepEqual(await ordered(spec), [
      [1, "01000000"],
      [10, hex("sh")],
      [10, hex("-c")],
      [10, hex("echo 'a\nb'")],
      [10, ""],
      [10, "fffe"],
      [11, hex("A=1")],
      [11, hex("B=é")],
      [12, hex("1000:docker")],
      [13, hex("/srv/a b")],
      [14, "01000000"],
      [15, "18000000"],
      [16, "50000000"],
      [17, "00000000"],
    ]);
  });

  test("without a program asks for a login shell", async () => {
    assert.deepEqual(await ordered({ args: [] }), [
      [1, "01000000"],
      [14, "00000000"],
      [17, "01000000"],
    ]);
  });

  test("carries arguments as they are, whatever their bytes", async () => {
    await using c = await connected();
    const word = fc.uint8Array({ maxLength: 30 }).map((bytes) => bytes.map((byte) => byte || 1));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 8 }), async (args) => {
        const starting = c.agent.exec({ args }, never);
        const { stream, payload } = await c.double.next(frameTypes.open);
        c.double.result(stream, 2);
        await rejectsWith(starting, "exec_failed");
        const sent = fieldsOf(payload).filter(([tag]) => tag === 10);
        assert.deepEqual(
          sent,
          args.map((arg) => [10, Buffer.from(arg).toString("hex")]),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe("a command that cannot be run", () => {
  const refusals: [number, string | undefined, number, string][] = [
    [2, "exec: nonesuch: not found", 127, "exec: nonesuch: not found (ENOENT)"],
    [13, "exec: /etc/passwd", 126, "exec: /etc/passwd (EACCES)"],
    [11, undefined, 126, "EAGAIN"],
    [4242, undefined, 126, "error 4242"],
  ];
  for (const [errno, message, exit, reason] of refusals) {
    test(`for errno ${errno} has exit status ${exit}`, async () => {
      await using c = await connected();
      const starting = c.agent.exec({ args: ["nonesuch"] }, never);
      const { stream } = await c.double.next(frameTypes.open);
      c.double.result(stream, errno, undefined, message);
      const error = await rejectsWith(
        starting,
        "exec_failed",
        `cannot run "nonesuch" in the guest: ${reason}`,
      );
      assert.equal(error.exit, exit);
    });
  }

  test("because it is too long is not even sent", async () => {
    await using c = await connected();
    const error = await rejectsWith(
      c.agent.exec({ args: ["echo", "x".repeat(1_048_600)] }, never),
      "exec_failed",
      'cannot run "echo" in the guest: its arguments and variables take 1048632 bytes, which is more than the 1048576',
    );
    assert.equal(error.exit, 126);
    assert.deepEqual(c.double.frames, []);
  });

  test("because it is too long for an older agent says what to do", async () => {
    await using c = await connected({ version: 1 });
    await rejectsWith(
      c.agent.exec({ args: ["echo", "x".repeat(33_000)] }, never),
      "exec_failed",
      'cannot run "echo" in the guest: its arguments and variables take 33032 bytes, which is more than the 32768 ' +
        "that the machine's older agent takes; restart the machine for a new one",
    );
    assert.deepEqual(c.double.frames, []);
  });

  test("because its directory is too long for an older agent is not even sent", async () => {
    await using c = await connected({ version: 1 });
    await rejectsWith(
      c.agent.exec({ args: ["a"], cwd: "/".repeat(33_000) }, never),
      "exec_failed",
      'cannot run "a" in the guest: its directory and user take too many bytes',
    );
  });

  test("because of a NUL byte is not even sent", async () => {
    await using c = await connected();
    const cases: [ExecSpec, string][] = [
      [{ args: ["a", "b\0c"] }, "an argument contains a NUL byte"],
      [{ args: ["a"], env: [Buffer.from([65, 61, 0])] }, "a variable contains a NUL byte"],
      [{ args: ["a"], user: "ro\0ot" }, "the user contains a NUL byte"],
      [{ args: ["a"], cwd: "/\0" }, "the directory contains a NUL byte"],
    ];
    for (const [spec, reason] of cases) {
      await rejectsWith(c.agent.exec(spec, never), "exec_failed", `cannot run "a" in the guest: ${reason}`);
    }
    assert.deepEqual(c.double.frames, []);
  });

  test("because the guest does not say its process id breaks the protocol", async () => {
    await using c = await connected();
    const starting = c.agent.exec({ args: ["true"] }, never);
    const { stream } = await c.double.next(frameTypes.open);
    c.double.result(stream, 0);
    await rejectsWith(
      starting,
      "guest_protocol",
      "the guest broke the agent protocol: RESULT without field 20",
    );
    assert.equal((await c.agent.closed).code, "guest_protocol");
  });
});

test("a command that takes several frames is sent in pieces that follow one another", async () => {
  await using c = await connected();
  const starting = c.agent.exec({ args: ["echo", "y".repeat(100_000)] }, never);
  const pieces: Buffer[] = [];
  let stream = 0;
  for (let type: number = frameTypes.more; type === frameTypes.more; ) {
    const frame = await c.double.next();
    pieces.push(Buffer.from(frame.payload));
    ({ type, stream } = frame);
  }
  assert.deepEqual(
    pieces.map((piece) => piece.length),
    [32_768, 32_768, 32_768, 1752],
  );
  const args = fieldsOf(Buffer.concat(pieces)).filter(([tag]) => tag === 10);
  assert.deepEqual(args, [
    [10, hex("echo")],
    [10, hex("y".repeat(100_000))],
  ]);
  c.double.result(stream, 11);
  await rejectsWith(starting, "exec_failed");
});

async function ordered(spec: ExecSpec): Promise<[number, string][]> {
  await using c = await connected();
  const starting = c.agent.exec(spec, never);
  const { stream, payload } = await c.double.next(frameTypes.open);
  c.double.result(stream, 11);
  await rejectsWith(starting, "exec_failed");
  return fieldsOf(payload);
}

/** Tags and values in hexadecimal, in their order. */
function fieldsOf(payload: Buffer): [number, string][] {
  const fields: [number, string][] = [];
  for (let at = 0; at < payload.length; ) {
    const end = at + 8 + payload.readUInt32LE(at + 4);
    fields.push([payload.readUInt16LE(at), payload.toString("hex", at + 8, end)]);
    at = end;
  }
  return fields;
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}
