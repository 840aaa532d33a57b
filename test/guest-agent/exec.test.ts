import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Agent, connect } from "./agent.ts";
import { type Fields, type } from "./codec.ts";
import { type Outcome, readResult } from "./peer.ts";

const root = userInfo().uid === 0 ? false : "needs root";
const text = (outcome: Outcome) => outcome.stdout.toString();

test("a command gets its input and gives both outputs and its status", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.run(
    ["sh", "-c", "cat; echo problem >&2; exit 7"],
    [],
    Buffer.from("some input\n"),
  );
  assert.deepEqual(
    [text(outcome), outcome.stderr.toString(), outcome.code, outcome.signal],
    ["some input\n", "problem\n", 7, undefined],
  );
});

test("a command that a signal ended says which", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.sh("kill -KILL $$");
  assert.deepEqual([outcome.code, outcome.signal], [undefined, 9]);
});

test("arguments arrive byte for byte", async (t) => {
  const agent = await connect(t);
  const args = [Buffer.from([0xff, 0xfe, 0x80]), "", "a b", "\"'$x`", "line\nbreak", "ü", "-n"].map((a) =>
    Buffer.from(a),
  );
  const outcome = await agent.run(["printf", "%s\\0", ...args]);
  assert.deepEqual(outcome.stdout, Buffer.concat(args.map((arg) => Buffer.concat([arg, Buffer.alloc(1)]))));
});

test("the number of arguments is bounded by the frame alone", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.run(["sh", "-c", "echo $#", "sh", ...Array.from({ length: 3000 }, () => "x")]);
  assert.equal(text(outcome), "3000\n");
});

test("the environment is a login's, then the request's", async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  const outcome = await agent.run(
    ["env"],
    [
      [11, "GREETING=hallo wörld"],
      [11, "LANG=C"],
      [11, "=nonsense"],
      [11, "EMPTY="],
    ],
  );
  const lines = text(outcome)
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("ASAN_OPTIONS"));
  assert.deepEqual(lines.sort(), [
    'EDITOR=vi "x"',
    "EMPTY=",
    "GREETING=hallo wörld",
    "HOME=/root",
    "LANG=C",
    "LOGNAME=root",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL=/bin/bash",
    "TZ=Europe/Berlin",
    "USER=root",
  ]);
});

test("a program is looked up in the PATH of the request", async (t) => {
  const agent = await connect(t);
  const directory = temporary(t);
  writeFileSync(join(directory, "first"), "#!/bin/sh\necho mine\n", { mode: 0o755 });
  writeFileSync(join(directory, "plain"), "echo without an interpreter line: $1\n", { mode: 0o755 });
  const path: Fields = [[11, `PATH=/nowhere:${directory}:/usr/bin:/bin`]];
  assert.equal(text(await agent.run(["first"], path)), "mine\n");
  assert.equal(text(await agent.run(["plain", "a b"], path)), "without an interpreter line: a b\n");
});

test("the working directory is the home, or / without one, or the one asked for", async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  assert.equal(text(await agent.run(["pwd"], [[13, "/usr/bin"]])), "/usr/bin\n");
  assert.equal(text(await agent.run(["pwd"], [[12, "4242"]])), "/\n");
});

test("what cannot be started says so, with errno, step and name", async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  const directory = temporary(t);
  writeFileSync(join(directory, "data"), "no program", { mode: 0o644 });
  const refusals: [string[], Fields, number, string, string][] = [
    [["no-such-program"], [], 2, "exec: no-such-program: No such file or directory", "exec"],
    [["/no/such/program"], [], 2, "exec: /no/such/program: No such file or directory", "exec"],
    [[join(directory, "data")], [], 13, `exec: ${join(directory, "data")}: Permission denied`, "exec"],
    [["data"], [[11, `PATH=/nowhere:${directory}`]], 13, "exec: data: Permission denied", "exec"],
    [["/usr"], [], 13, "exec: /usr: Permission denied", "exec"],
    [[""], [], 2, "exec: an empty program name", "exec"],
    [[], [], 22, "exec: no command", "exec"],
    [["with\0nul"], [], 22, "exec: an argument with a NUL", "exec"],
    [["true"], [[13, "/no/such/place"]], 2, "cwd: /no/such/place: No such file or directory", "cwd"],
    [["true"], [[12, "nobody-here"]], 3, "user: no user named nobody-here", "user"],
    [["true"], [[12, "root:no-group"]], 3, "user: no group named no-group", "user"],
    [["true"], [[12, "4294967295"]], 3, "user: no user named 4294967295", "user"],
  ];
  for (const [args, more, errno, message, step] of refusals) {
    const result = readResult(await agent.of(agent.exec(args, more), type.result));
    assert.deepEqual(
      [result.errno, result.message, result.fields.get(21)?.toString()],
      [errno, message, step],
    );
  }
});

test("a long program name is shortened in the message", async (t) => {
  const agent = await connect(t);
  const result = readResult(await agent.of(agent.exec([`/${"x".repeat(3000)}`]), type.result));
  assert.equal(result.errno, 36);
  // The C libraries differ in a space.
  assert.match(result.message, /^exec: \/x{149}: File ?name too long$/);
});

test("users are found by name and number, with their groups", { skip: root }, async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  const script = "id -u; id -g; id -G; echo $HOME $USER $PATH; umask";
  const user = "/home/ada ada /usr/local/bin:/usr/bin:/bin\n0022\n";
  const expected: [string, string][] = [
    ["ada", `1500\n1501\n1501 27 1600\n${user}`],
    ["1500", `1500\n1501\n1501 27 1600\n${user}`],
    ["ada:wheel", `1500\n27\n27 1600\n${user}`],
    ["1500:77", `1500\n77\n77 27 1600\n${user}`],
    ["4242", "4242\n0\n0\n/ 4242 /usr/local/bin:/usr/bin:/bin\n0022\n"],
    ["2000", "2000\n2000\n2000\n/nonexistent 1500x /usr/local/bin:/usr/bin:/bin\n0022\n"],
  ];
  for (const [name, output] of expected) {
    const outcome = await agent.sh(script, [
      [12, name],
      [13, "/"],
    ]);
    assert.equal(text(outcome), output, name);
  }
});

test("a user can open its own outputs again", { skip: root }, async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  const outcome = await agent.sh("echo out > /dev/stdout; echo err > /dev/stderr", [[12, "ada"]]);
  assert.deepEqual([text(outcome), outcome.stderr.toString(), outcome.code], ["out\n", "err\n", 0]);
});

test("a root without accounts still has root", async (t) => {
  const agent = await connect(t, ["--root", temporary(t)]);
  assert.equal(text(await agent.sh("echo $USER $HOME $SHELL")), "root /root /bin/sh\n");
});

test("account files that lead out of the root, or are no files, are not followed", async (t) => {
  const directory = temporary(t);
  mkdirSync(join(directory, "etc"));
  symlinkSync("../../../../../../etc/hostname", join(directory, "etc/environment"));
  symlinkSync("/etc/passwd", join(directory, "etc/passwd"));
  const agent = await connect(t, ["--root", directory]);
  assert.equal(text(await agent.sh("echo $USER")), "root\n");
  const daemon = readResult(await agent.of(agent.exec(["true"], [[12, "daemon"]]), type.result));
  assert.equal(daemon.message, "user: no user named daemon");
});

test("a login is the user's shell with a dash, and the arguments are the shell's", async (t) => {
  const agent = await connect(t, ["--root", machine(t)]);
  const outcome = await agent.run(["-c", "echo $0"], [[17, 1]]);
  assert.equal(text(outcome), "-bash\n");
  const bare = await agent.run([], [[17, 1]], Buffer.from("echo $0; exit 4\n"));
  assert.deepEqual([text(bare), bare.code], ["-bash\n", 4]);
  const missing = await agent.run(
    ["-c", "echo $0 $SHELL"],
    [
      [17, 1],
      [12, "ghost"],
      [13, "/"],
    ],
  );
  assert.equal(text(missing), "-sh /bin/no-shell\n");
});

test("a command has a session of its own, default signals, and no descriptor of the agent's", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.sh(
    "ls /proc/self/fd | tr '\\n' ' '; cut -d' ' -f6 /proc/$$/stat; echo $$; ulimit -n; grep -E '^Sig(Blk|Ign)' /proc/self/status",
  );
  const [descriptors, pid, files, ...signals] = text(outcome).trim().split("\n");
  assert.equal(descriptors, `0 1 2 3 ${pid}`);
  assert.equal(Number(files), 1024);
  assert.deepEqual(signals, ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
});

test("signals reach the whole process group", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["sh", "-c", "sleep 1000 & echo $!; wait"]);
  await agent.of(stream, type.data);
  agent.send(type.signal, stream, signalPayload(15));
  const outcome = await agent.finish(stream);
  assert.equal(outcome.signal, 15);
});

test("a signal that does not exist is ignored", async (t) => {
  const agent = await connect(t);
  const stream = agent.exec(["cat"]);
  await agent.started(stream);
  for (const number of [0, 65, 0xffffffff]) agent.send(type.signal, stream, signalPayload(number));
  agent.send(type.signal, stream, Buffer.from("junk"));
  agent.send(type.eof, stream);
  assert.deepEqual(await ending(agent, stream), ["code", 0]);
});

test("what a background process holds open does not hold the end back", async (t) => {
  const agent = await connect(t);
  const outcome = await agent.sh("echo before; sleep 1000 >&1 & echo $!; exit 5");
  assert.equal(outcome.code, 5);
  const [first, pid] = text(outcome).split("\n");
  assert.equal(first, "before");
  process.kill(Number(pid), "SIGKILL");
});

test("what a command left in its pipe arrives, however late it is asked for", async (t) => {
  const agent = await connect(t);
  const size = 131072 + 60000;
  const stream = agent.exec(["sh", "-c", `head -c ${size} /dev/zero; sleep 1000 & echo $! >&2`]);
  await agent.started(stream);
  let got = 0;
  while (got < 131072) got += (await agent.of(stream, type.data)).payload.length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  agent.send(type.window, stream, Buffer.from([0, 0, 4, 0]), 1);
  while (got < size)
    got += (await agent.next((f) => f.stream === stream && f.type === type.data && f.channel === 1)).payload
      .length;
  assert.equal(got, size);
  process.kill(
    Number((await agent.next((f) => f.stream === stream && f.channel === 2)).payload.toString()),
    "SIGKILL",
  );
  assert.deepEqual(await ending(agent, stream), ["code", 0]);
});

test("an operation that does not exist is ENOSYS, one that is not for here EINVAL", async (t) => {
  const agent = await connect(t);
  assert.deepEqual(await refusal(agent, 99), [38, "unknown operation"]);
  assert.deepEqual(await refusal(agent, 2), [22, "mount happens once"]);
  assert.deepEqual(await refusal(agent, 3), [22, "boot comes after mount, once"]);
  assert.deepEqual(await refusal(agent, 5), [22, "this agent has no machine"]);
  assert.deepEqual(await refusal(agent, 4), [0, ""]);
});

test("random bytes in go out again", async (t) => {
  const agent = await connect(t);
  const input = randomBytes(3_000_000);
  const outcome = await agent.run(["cat"], [], input);
  assert.ok(outcome.stdout.equals(input));
});

async function refusal(agent: Agent, operation: number): Promise<[number, string]> {
  const { errno, message } = await agent.call(operation, []);
  return [errno, message];
}

async function ending(agent: Agent, stream: number): Promise<[string, number | undefined]> {
  const exit = await agent.of(stream, type.exit);
  return [exit.payload.readUInt16LE() === 1 ? "code" : "signal", exit.payload.readUInt32LE(8)];
}

function signalPayload(number: number): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeUInt16LE(1, 0);
  payload.writeUInt32LE(4, 4);
  payload.writeUInt32LE(number, 8);
  return payload;
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "banger-agent-"));
  chmodSync(directory, 0o755);
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A root with accounts and settings of its own. */
function machine(t: TestContext): string {
  const directory = temporary(t);
  mkdirSync(join(directory, "etc/default"), { recursive: true });
  const files: Record<string, string> = {
    passwd: [
      "root:x:0:0:root:/root:/bin/bash",
      "broken line",
      "ada:x:1500:1501:Ada:/home/ada:/bin/bash",
      "ghost:x:0:0::/:/bin/no-shell",
      "1500x:x:2000:2000::/nonexistent:",
    ].join("\n"),
    group:
      "root:x:0:\ntty:x:5:\nwheel:x:27:bob,ada\nada:x:1501:\n:::\nnear:x:1700:adam,mada\nmakers:x:1600:ada",
    environment:
      "# settings\n\nTZ=Europe/Berlin\nexport EDITOR='vi \"x\"'\n1BAD=x\nno equals\nLANG=de_DE.UTF-8\n",
    "default/locale": 'LANG="en_GB.UTF-8"\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, "etc", name), content);
  return directory;
}
