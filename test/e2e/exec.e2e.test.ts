import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { slim, TestHost } from "./support/host.ts";

describe("a command in a machine", () => {
  let host: TestHost;
  before(async () => {
    host = new TestHost();
    await host.ok(["vm", "create", "--name", "dev", "--image", slim], { timeout: 900_000 });
  });
  after(async () => await host[Symbol.asyncDispose]());

  test("gets its arguments as they were given", async () => {
    const args = ["a b", "", "new\nline", "'\"$HOME`", "--rm", "-x", "é"];
    const { stdout, status } = await host.run(["vm", "exec", "dev", "--", "printf", "%s\\0", ...args]);
    assert.equal(status, 0);
    assert.equal(String(stdout), `${args.join("\0")}\0`);
  });

  test("gets arguments that are not UTF-8", async () => {
    // Node cannot pass such bytes to a process; a shell can.
    const script = `exec "$1" vm exec dev -- printf %s "$(printf '\\377\\200x')"`;
    const child = spawn("sh", ["-c", script, "sh", host.program[0] as string], { env: host.env });
    const pieces: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => pieces.push(chunk));
    await once(child, "close");
    assert.deepEqual(Buffer.concat(pieces), Buffer.from([0xff, 0x80, 0x78]));
  });

  test("passes on its status, and 128 and the number of the signal that ended it", async () => {
    assert.equal((await host.run(["vm", "exec", "dev", "--", "sh", "-c", "exit 42"])).status, 42);
    assert.equal((await host.run(["vm", "exec", "dev", "--", "sh", "-c", "kill -9 $$"])).status, 137);
    assert.equal((await host.run(["vm", "exec", "dev", "--", "no-such-command"])).status, 127);
    assert.equal((await host.run(["vm", "exec", "dev", "--", "/etc/passwd"])).status, 126);
  });

  test("has its standard output and error apart", async () => {
    const { out, err } = await host.run(["vm", "exec", "dev", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert.equal(out, "out\n");
    assert.equal(err, "err\n");
  });

  test("reads 100 MB and writes them back unchanged", async () => {
    const data = randomBytes(100 * 1000 * 1000);
    const { stdout, status } = await host.run(["vm", "exec", "dev", "--", "cat"], {
      input: data,
      timeout: 300_000,
    });
    assert.equal(status, 0);
    assert.equal(stdout.length, data.length);
    const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    assert.equal(hash(stdout), hash(data));
  });

  test("gets the signals that banger gets", async () => {
    const child = host.start([
      "vm",
      "exec",
      "dev",
      "--",
      "sh",
      "-c",
      "trap 'echo got; exit 7' TERM; echo ready; sleep 60 & wait",
    ]);
    let out = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      out += String(chunk);
      if (out === "ready\n") child.kill("SIGTERM");
    });
    const [status] = (await once(child, "close")) as [number | null];
    assert.equal(out, "ready\ngot\n");
    assert.equal(status, 7);
  });

  test("ends when its client is killed", async () => {
    const child = host.start(["vm", "exec", "dev", "--", "sh", "-c", "echo ready; exec sleep 4242"]);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    child.kill("SIGKILL");
    let left = "1";
    for (let attempt = 0; attempt < 20 && left !== "0"; attempt += 1) {
      left = await host.guest("dev", "pgrep -fc 'sleep 424[2]' || true");
    }
    assert.equal(left, "0");
  });

  test("is run by the user, in the directory and with the variables that were asked for", async () => {
    const args = ["vm", "exec", "dev", "--user", "nobody", "--workdir", "/tmp", "-e", "A=1 2", "--"];
    assert.equal(
      await host.ok([...args, "sh", "-c", 'id -un; pwd; echo "$A"; echo "$HOME"']),
      "nobody\n/tmp\n1 2\n/nonexistent",
    );
  });

  test("has a terminal when banger has one, and follows its size", async () => {
    const program = `
import os, pty, sys, time, struct, fcntl, termios, select
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def size(rows, cols): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
size(30, 100)
seen = b""
def until(what):
    global seen
    end = time.time() + 60
    while what not in seen and time.time() < end:
        if select.select([fd], [], [], 1)[0]:
            try: piece = os.read(fd, 4096)
            except OSError: break
            if not piece: break
            seen += piece
until(b"READY")
size(41, 133)
os.kill(pid, 28)
time.sleep(1)
os.write(fd, b"go\\n")
until(b"DONE")
time.sleep(1)
os.write(fd, b"\\x03")
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status))
`;
    const script = "tty; stty size; echo READY; read line; stty size; trap 'exit 9' INT; echo DONE; sleep 30";
    const child = spawn(
      "python3",
      ["-c", program, host.program[0] as string, "vm", "exec", "dev", "--", "sh", "-c", script],
      {
        env: { ...host.env, TERM: "xterm" },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const [seen, [status]] = await Promise.all([
      text(child.stdout),
      once(child, "close") as Promise<[number]>,
    ]);
    // No second carriage return: our own terminal passes the guest's output through as it is.
    assert.match(seen, /^\/dev\/pts\/\d+\r\n(30 100|41 133)\r\nREADY\r\ngo\r\n41 133\r\nDONE/);
    assert.equal(status, 9, seen);
  });
});
