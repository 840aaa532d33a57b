import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import fc from "fast-check";
import { readText } from "../../../src/client/http/body.ts";
import { parseHead } from "../../../src/client/http/head.ts";
import { request } from "../../../src/client/http/request.ts";
import { ndjson } from "../../../src/client/ndjson.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

async function listen(t: TestContext, server: Server): Promise<string> {
  const path = join(temporaryDirectory(t), "s");
  const open = new Set<Socket>();
  server.on("connection", (socket) => void open.add(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return path;
}

/** A server that answers any request with these pieces, one after another, and closes. */
function canned(t: TestContext, ...pieces: string[]): Promise<string> {
  return listen(
    t,
    createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.once("data", async () => {
        for (const piece of pieces) {
          socket.write(piece, "latin1");
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        socket.end();
      });
    }),
  );
}

async function get(socket: string): Promise<{ status: number; text: string }> {
  const response = await request({ socket, method: "GET", path: "/" });
  return { status: response.status, text: await readText(response.body) };
}

describe("an answer", () => {
  test("of Node's own server is understood, with a length and chunked", async (t) => {
    const seen: unknown[] = [];
    const server = createHttpServer((request, response) => {
      seen.push([request.method, request.url, request.headers["content-type"]]);
      if (request.url === "/chunked") {
        response.write("a".repeat(70_000));
        response.write("é");
        response.end("c");
      } else response.end("whole");
    });
    const socket = await listen(t, server);
    assert.deepEqual(await get(socket), { status: 200, text: "whole" });
    const response = await request({ socket, method: "POST", path: "/chunked", body: { a: 1 } });
    assert.equal(await readText(response.body), `${"a".repeat(70_000)}éc`);
    assert.deepEqual(seen, [
      ["GET", "/", undefined],
      ["POST", "/chunked", "application/json"],
    ]);
  });

  test("is understood however it is cut", async (t) => {
    const bytes =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    assert.deepEqual(await get(await canned(t, ...bytes)), { status: 200, text: "hello!" });
    assert.deepEqual(await get(await canned(t, bytes)), { status: 200, text: "hello!" });
  });

  test("without framing lasts until the connection ends", async (t) => {
    assert.deepEqual(await get(await canned(t, "HTTP/1.1 404 \r\n\r\n", "a", "b")), {
      status: 404,
      text: "ab",
    });
  });

  const cut = "the connection to the machine ended: the daemon's answer was cut off";
  const bad = "the connection to the machine ended: the daemon's answer is malformed";
  const broken: [string, string, string][] = [
    ["ends before its length", "Content-Length: 5\r\n\r\nabc", cut],
    ["ends within a chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nab", cut],
    ["ends before the last chunk", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", cut],
    ["has a chunk of no size", "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", bad],
    ["has a chunk without end", "Transfer-Encoding: chunked\r\n\r\n1\r\nabcd", bad],
    ["has an endless chunk line", `Transfer-Encoding: chunked\r\n\r\n${"1".repeat(2000)}`, bad],
  ];
  for (const [name, rest, message] of broken) {
    test(`that ${name} is an error`, async (t) => {
      const socket = await canned(t, `HTTP/1.1 200 OK\r\n${rest}`);
      await rejectsWith(get(socket), "channel_closed", message);
    });
  }

  test("that is not HTTP, or none, is an unreachable daemon", async (t) => {
    const nonsense = await canned(t, "SSH-2.0-OpenSSH\r\n\r\n");
    await rejectsWith(
      get(nonsense),
      "daemon_unreachable",
      `the daemon does not answer at "${nonsense}": its answer is not HTTP`,
    );
    const silent = await canned(t);
    await rejectsWith(
      get(silent),
      "daemon_unreachable",
      `the daemon does not answer at "${silent}": it closed the connection`,
    );
    const missing = join(temporaryDirectory(t), "none");
    await rejectsWith(
      get(missing),
      "daemon_unreachable",
      `the daemon does not answer at "${missing}": ENOENT`,
    );
  });

  test("is not waited for when the signal aborts", async (t) => {
    const socket = await listen(t, createServer());
    const aborted = request({ socket, method: "GET", path: "/", signal: AbortSignal.timeout(30) });
    await rejectsWith(aborted, "interrupted", "the request was cancelled");
    const before = request({ socket, method: "GET", path: "/", signal: AbortSignal.abort() });
    await rejectsWith(before, "interrupted", "the request was cancelled");
  });
});

describe("the head of an answer", () => {
  test("has its names in lower case and its values trimmed", () => {
    const parsed = parseHead(Buffer.from("HTTP/1.1 201 Created\r\nX-A:  b \r\nEMPTY:\r\n\r\nrest"));
    assert.ok(typeof parsed === "object");
    assert.equal(parsed.head.status, 201);
    assert.deepEqual(
      [...parsed.head.headers],
      [
        ["x-a", "b"],
        ["empty", ""],
      ],
    );
    assert.equal(String(parsed.rest), "rest");
  });

  test("that is incomplete may yet come, but not for ever", () => {
    assert.equal(parseHead(Buffer.from("HTTP/1.1 200 OK\r\nA: b\r\n")), undefined);
    assert.equal(parseHead(Buffer.alloc(70_000, "x")), "malformed");
  });

  test("made of noise never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const parsed = parseHead(Buffer.concat([Buffer.from(noise), Buffer.from("\r\n\r\n")]));
        assert.ok(parsed === "malformed" || typeof parsed === "object");
      }),
    );
  });
});

test("JSON lines come out whole, however they are cut, empty ones left out", async () => {
  const values = [{ a: "é" }, [1, 2], "x\ny", null];
  const bytes = Buffer.from(`${values.map((value) => JSON.stringify(value)).join("\n\n")}\n`);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
      async function* pieces(): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const read: unknown[] = [];
      for await (const value of ndjson(pieces())) read.push(value);
      assert.deepEqual(read, values);
    }),
  );
});
