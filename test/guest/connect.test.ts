import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import type { Agent } from "../../src/guest/agent.ts";
import { connectAgent } from "../../src/guest/connect.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { AgentDouble, never } from "./agent-double.ts";

describe("connecting to an agent", () => {
  test("waits for a socket that is made later", async (context) => {
    const socket = path(context);
    const connecting = connectAgent({ socket, vm: "otter", deadline: 5000, signal: never });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const server = await listen(socket, (double) => greetAll(double));
    const agent = await connecting;
    assert.equal(agent.welcome.kernel, "6.1.0-test");
    await end(agent, server);
  });

  test("tries again when the channel closes before the hello", async (context) => {
    const socket = path(context);
    let connections = 0;
    const server = await listen(socket, (double) => {
      connections += 1;
      if (connections < 3) double.duplex.destroy();
      else greetAll(double);
    });
    const agent = await connectAgent({ socket, vm: "otter", deadline: 5000, signal: never });
    assert.equal(connections, 3);
    await end(agent, server);
  });

  test("over a socket carries a whole conversation", async (context) => {
    const socket = path(context);
    const { promise, resolve } = Promise.withResolvers<AgentDouble>();
    const server = await listen(socket, (double) => {
      greetAll(double);
      resolve(double);
    });
    const agent = await connectAgent({ socket, vm: "otter", deadline: 5000, signal: never });
    const double = await promise;
    const starting = agent.exec({ args: ["echo"] }, never);
    double.onFrame = undefined;
    const id = await double.started();
    const process = await starting;
    double.data(id, 1, "hi");
    double.eof(id, 1);
    double.eof(id, 2);
    double.exit(id, 0);
    assert.equal(String(Buffer.concat(await process.stdout.toArray())), "hi");
    await end(agent, server);
  });

  test("says when there was no socket in all that time", async (context) => {
    const socket = path(context);
    await rejectsWith(
      connectAgent({ socket, vm: "otter", deadline: 60, signal: never }),
      "guest_unreachable",
      `the agent in vm "otter" does not answer: no hello within 0.06 s: connect ENOENT ${socket}`,
    );
  });

  test("says when there was nothing but silence", async (context) => {
    const socket = path(context);
    const server = await listen(socket, () => undefined);
    await rejectsWith(
      connectAgent({ socket, vm: "otter", deadline: 60, signal: never }),
      "guest_unreachable",
      'the agent in vm "otter" does not answer: no hello within 0.06 s: its channel is there, but nothing comes from it',
    );
    await close(server);
  });

  test("fails at once with a socket that cannot be connected to at all", async (context) => {
    const socket = join(temporaryDirectory(context), "x".repeat(200));
    const error = await rejectsWith(
      connectAgent({ socket, vm: "otter", deadline: 60_000, signal: never }),
      "guest_unreachable",
    );
    assert.match(error.message, /^the agent in vm "otter" does not answer: connect EINVAL /);
  });

  test("stops when it is cancelled, between attempts and during one", async (context) => {
    const socket = path(context);
    for (const listening of [false, true]) {
      const server = listening ? await listen(socket, () => undefined) : undefined;
      const stop = new AbortController();
      const connecting = connectAgent({ socket, vm: "otter", deadline: 60_000, signal: stop.signal });
      setTimeout(() => stop.abort(), 10);
      await rejectsWith(connecting, "interrupted", "connecting to vm otter was cancelled");
      if (server) await close(server);
    }
  });

  test("over a channel that is there fails when it closes, and closes it", async () => {
    const [host, far] = duplexPair();
    const double = new AgentDouble(far);
    const connecting = connectAgent({ duplex: host, vm: "otter", deadline: 5000, signal: never });
    await double.hello();
    far.end();
    await rejectsWith(
      connecting,
      "guest_unreachable",
      'the agent in vm "otter" does not answer: the connection to the machine ended: it was closed before the agent said hello',
    );
    assert.equal(host.destroyed, true);
  });
});

function path(context: TestContext): string {
  return join(temporaryDirectory(context), "agent.sock");
}

async function listen(socket: string, onAgent: (double: AgentDouble) => void): Promise<Server> {
  const server = createServer((connection: Socket) => onAgent(new AgentDouble(connection)));
  server.listen(socket);
  await once(server, "listening");
  return server;
}

/** Answers every HELLO, and keeps everything else for the test. */
function greetAll(double: AgentDouble): void {
  double.onFrame = ({ session }) => {
    double.session = session;
    double.welcome();
  };
}

async function end(agent: Agent, server: Server): Promise<void> {
  await agent.close();
  await close(server);
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
