import assert from "node:assert/strict";
import { createServer, get, type IncomingMessage, request, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { readHost } from "../../../src/network/proxy/route.ts";
import { type Locate, serveProxy } from "../../../src/network/proxy/server.ts";
import { freePort, listening, portOf } from "../servers.ts";

describe("a Host header", () => {
  test("names a machine, and maybe its port", () => {
    assert.deepEqual(readHost("dev.localhost"), { name: "dev" });
    assert.deepEqual(readHost("Dev.localhost:42080"), { name: "dev" });
    assert.deepEqual(readHost("8080.dev.localhost:42080"), { name: "dev", port: 8080 });
  });

  test("that is something else names none", () => {
    for (const host of [
      undefined,
      "",
      "localhost",
      "dev.vm",
      "0.dev.localhost",
      "65536.dev.localhost",
      "a.b.localhost",
      "-x.localhost",
      "dev.localhost.evil.com",
      "127.0.0.1:42080",
    ]) {
      assert.equal(readHost(host), undefined, host);
    }
  });
});

async function proxied(t: TestContext, server: Server): Promise<number> {
  await listening(server);
  const locate: Locate = ({ name, port }) =>
    name === "dev" && (port === undefined || port === 80)
      ? { address: "127.0.0.1", port: portOf(server) }
      : `there is no machine named ${name}`;
  const port = await freePort();
  const proxy = await serveProxy("127.0.0.1", port, locate);
  t.after(async () => {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return port;
}

async function fetchFrom(
  port: number,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ answer: IncomingMessage; body: string }> {
  const options = {
    host: "127.0.0.1",
    port,
    path,
    method: body === undefined ? "GET" : "POST",
    headers,
    agent: false,
  };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(options as object, resolve)
      .on("error", reject)
      .end(body);
  });
  return { answer, body: await text(answer) };
}

describe("the proxy", () => {
  test("carries method, path, headers, bodies and status, but nothing that is of one connection only", async (t) => {
    const seen: IncomingMessage[] = [];
    const port = await proxied(
      t,
      createServer(async (incoming, response) => {
        seen.push(incoming);
        response.writeHead(418, "Teapot", { "X-Own": ["a", "b"], "Content-Type": "text/x" });
        response.end(`${incoming.method} ${incoming.url} ${await text(incoming)}`);
      }),
    );
    const headers = { Host: "80.dev.localhost", Connection: "close, X-Hop", "X-Hop": "1", "X-Kept": "2" };
    const { answer, body } = await fetchFrom(port, "/a%20b?c=d", headers, "the body");
    assert.equal(body, "POST /a%20b?c=d the body");
    assert.deepEqual(
      [answer.statusCode, answer.statusMessage, answer.headers["x-own"]],
      [418, "Teapot", "a, b"],
    );
    const got = seen[0]?.headers ?? {};
    assert.deepEqual([got.host, got["x-kept"], got["x-hop"]], ["80.dev.localhost", "2", undefined]);
    assert.deepEqual([got["x-forwarded-host"], got["x-forwarded-proto"]], ["80.dev.localhost", "http"]);
  });

  test("passes on what comes bit by bit, as it comes", async (t) => {
    const more = Promise.withResolvers<void>();
    const port = await proxied(
      t,
      createServer(async (_, response) => {
        response.write("first");
        await more.promise;
        response.end("second");
      }),
    );
    const answer = await new Promise<IncomingMessage>((resolve) => {
      get({ host: "127.0.0.1", port, headers: { Host: "dev.localhost" }, agent: false }, resolve);
    });
    const chunks: string[] = [];
    for await (const chunk of answer) {
      chunks.push(String(chunk));
      more.resolve();
    }
    assert.deepEqual(chunks, ["first", "second"]);
  });

  test("hands a connection over to the protocol that the machine consents to", async (t) => {
    const server = createServer();
    server.on("upgrade", (incoming, socket: Socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${incoming.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    const port = await proxied(t, server);
    const socket = connect(port, "127.0.0.1");
    socket.write(
      "GET /chat HTTP/1.1\r\nHost: dev.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    );
    let got = "";
    for await (const chunk of socket) {
      got += String(chunk);
      if (got.endsWith("hello")) break;
    }
    assert.match(
      got,
      /^HTTP\/1\.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello$/,
    );
  });

  test("says what it cannot reach", async (t) => {
    const port = await proxied(t, createServer());
    const other = await fetchFrom(port, "/", { Host: "other.localhost" });
    assert.deepEqual([other.answer.statusCode, other.body], [404, "there is no machine named other\n"]);
    const own = await fetchFrom(port, "/", { Host: "127.0.0.1" });
    assert.match(own.body, /^this is banger's proxy: ask for http:\/\/<machine>\.localhost /);
  });

  test("answers for a machine that breaks off", async (t) => {
    const port = await proxied(
      t,
      createServer((incoming) => incoming.socket.destroy()),
    );
    const { answer, body } = await fetchFrom(port, "/", { Host: "dev.localhost" });
    assert.deepEqual([answer.statusCode, body], [502, "the machine does not answer: socket hang up\n"]);
  });
});
