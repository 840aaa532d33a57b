import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Readable } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import type { ExecRequest } from "../../src/model/api/requests.ts";
import { echoProcess, FakeGuestProcess, fakeServices, randomBlock } from "../support/fake-services.ts";
import { serve } from "../support/serve.ts";
import { fakeWorld } from "./world.ts";

const main = resolve(import.meta.dirname, "../../src/cli/main.ts");

/** The real program in a process of its own, before a real socket with fake services behind it. */
async function stage(context: TestContext) {
  const services = fakeServices();
  const { socket } = await serve(context, services);
  const env = {
    ...process.env,
    // One source, one build: the program does not replace this daemon.
    XDG_RUNTIME_DIR: dirname(dirname(socket)),
    HOME: dirname(dirname(socket)),
    PATH: `${fakeWorld(context).env.PATH}:/usr/bin:/bin`,
    TERM: "xterm",
  };
  const start = (
    words: readonly string[],
    stdio: ("pipe" | "ignore" | number)[] = ["pipe", "pipe", "pipe"],
  ) => {
    const child = spawn(process.execPath, ["--no-warnings", main, ...words], { env, stdio });
    context.after(() => child.kill("SIGKILL"));
    return child;
  };
  /** The same on a terminal of its own, as script(1) makes one; the shell says what the terminal's modes are after. */
  const onTerminal = (words: readonly string[]) => {
    const line = [process.execPath, "--no-warnings", main, ...words].map((word) => `'${word}'`).join(" ");
    const program = `sh -c 'echo "pid $$"; exec "$0" "$@"' ${line}`;
    const command = `${program}; echo "status $?"; stty -a | grep -o -- '-*icanon\\|-*echo '`;
    const child = spawn("script", ["-qec", command, "/dev/null"], { env, stdio: ["pipe", "pipe", "pipe"] });
    context.after(() => child.kill("SIGKILL"));
    return child;
  };
  return { services, start, onTerminal };
}

async function outcome(child: ChildProcess) {
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

function collect(stream: NodeJS.ReadableStream | null): Buffer[] {
  const chunks: Buffer[] = [];
  stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

/** Waits until what a program has printed holds a text. */
async function seen(stream: Readable | null, text: string): Promise<string> {
  let all = "";
  for await (const chunk of stream?.iterator({ destroyOnReturn: false }) ?? []) {
    all += String(chunk);
    if (all.includes(text)) return all;
  }
  return assert.fail(`ended without ${JSON.stringify(text)}: ${JSON.stringify(all)}`);
}

describe("the program", () => {
  test("passes ten MiB through pipes unchanged, at the pace of the slower side", async (context) => {
    const { services, start } = await stage(context);
    services.on("vms.exec", () => echoProcess());
    const block = randomBlock(10 * 1024 * 1024);
    const child = start(["vm", "exec", "dev", "cat"]);
    const ended = outcome(child);
    child.stdin?.end(block);
    const { status, stdout, stderr } = await ended;
    assert.deepEqual([status, stderr], [0, ""]);
    assert.ok(stdout.equals(block), `${stdout.length} bytes`);
  });

  test("gives the guest the bytes of its words, UTF-8 or not", async (context) => {
    const { services } = await stage(context);
    const { socket } = await serve(context, services);
    const requests: ExecRequest[] = [];
    services.on("vms.exec", (_: string, request: ExecRequest) => {
      requests.push(request);
      const guest = new FakeGuestProcess();
      guest.exit(0);
      return guest;
    });
    const home = dirname(dirname(socket));
    const script = `exec "$0" --no-warnings "$1" vm exec dev -- "$(printf 'a\\377b')" '' "$(printf 'x\\ny')" ä`;
    const env = { XDG_RUNTIME_DIR: home, HOME: home, PATH: "/usr/bin:/bin" };
    const child = spawn("sh", ["-c", script, process.execPath, main], { env, stdio: "ignore" });
    assert.deepEqual(await once(child, "close"), [0, null]);
    const words = (requests[0]?.args ?? []).map((word) => Buffer.from(word, "base64").toString("hex"));
    assert.deepEqual(words, ["61ff62", "", "780a79", "c3a4"]);
  });

  test("ends with the command although its input stays open", async (context) => {
    const { services, start } = await stage(context);
    services.on("vms.exec", () => {
      const guest = new FakeGuestProcess();
      guest.exit(5);
      return guest;
    });
    assert.equal((await outcome(start(["vm", "exec", "dev", "x"]))).status, 5);
  });

  test("takes the signals that it is sent to the command", async (context) => {
    const { services, start } = await stage(context);
    const guest = new FakeGuestProcess();
    guest.kill = (signal) => guest.exit(0, signal);
    services.on("vms.exec", () => guest);
    guest.stdout.write("ready");
    const child = start(["vm", "exec", "dev", "x"]);
    await seen(child.stdout, "ready");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [143, null]);
  });

  test("ends like any other when nobody reads what it prints", async (context) => {
    const { services, start } = await stage(context);
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const child = start(["vm", "exec", "dev", "yes"]);
    guest.stdout.write("y\n");
    await seen(child.stdout, "y");
    child.stdout?.destroy();
    const write = setInterval(() => guest.stdout.write("y\n"), 5);
    context.after(() => clearInterval(write));
    assert.deepEqual(await once(child, "close"), [141, null]);
    await guest.wasReset.promise;
  });

  test("says that its output could not be written", async (context) => {
    const { start } = await stage(context);
    const { status, stderr } = await outcome(
      start(["vm", "list"], ["ignore", openSync("/dev/full", "w"), "pipe"]),
    );
    assert.equal(status, 1);
    assert.match(stderr, /^error: no space left at "standard output" while writing to it\n/);
  });
});

describe("on a terminal", () => {
  test("the command gets one, and keys go to it unread", async (context) => {
    const { services, onTerminal } = await stage(context);
    const guest = new FakeGuestProcess();
    const requests: ExecRequest[] = [];
    services.on("vms.exec", (_: string, request: ExecRequest) => {
      requests.push(request);
      return guest;
    });
    guest.stdout.write("prompt> ");
    const child = onTerminal(["vm", "shell", "dev"]);
    const ended = outcome(child);
    await seen(child.stdout, "prompt> ");
    child.stdin?.write("\x03");
    const [key] = (await once(guest.stdin, "data")) as [Buffer];
    assert.equal(String(key), "\x03");
    assert.ok(requests[0]?.tty);
    guest.exit(4);
    const { stdout } = await ended;
    assert.ok(stdout.toString().endsWith("prompt> \u001b[23;0tstatus 4\r\nicanon\r\necho \r\n"));
  });

  test("its modes are as before when the program is ended by a signal", async (context) => {
    const { services, onTerminal } = await stage(context);
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    guest.stdout.write("prompt> ");
    const child = onTerminal(["vm", "shell", "dev"]);
    const ended = outcome(child);
    const printed = await seen(child.stdout, "prompt> ");
    process.kill(Number(/pid (\d+)/.exec(printed)?.[1]), "SIGTERM");
    await guest.wasReset.promise;
    const { stdout } = await ended;
    assert.match(stdout.toString(), /status 143\r\nicanon\r\necho \r\n$/);
  });
});

test("a table fits the terminal that it is printed on", async (context) => {
  const { onTerminal } = await stage(context);
  const { stdout } = await outcome(onTerminal(["vm", "list"]));
  assert.match(stdout.toString(), /^pid \d+\r\nID +NAME +STATE/);
});
