import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { readText } from "../../../src/client/http/body.ts";
import { request } from "../../../src/client/http/request.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** Node's own server, which judges our framing. */
async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const path = join(temporaryDirectory(t), "s");
  const open = new Set<Socket>();
  const server = createServer(listener);
  server.on("connection", (socket) => void open.add(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return path;
}

async function* pieces(...all: Buffer[]): AsyncGenerator<Buffer> {
  yield* all;
}

async function send(socket: string, upload: AsyncIterable<Uint8Array>): Promise<[number, string]> {
  const response = await request({ socket, method: "POST", path: "/", upload });
  return [response.status, await readText(response.body)];
}

describe("an upload", () => {
  test("arrives byte for byte, however it is cut", async (t) => {
    const seen: Buffer[] = [];
    const socket = await serve(t, async (incoming, outgoing) => {
      seen.push(await buffer(incoming));
      outgoing.end("thanks");
    });
    const large = Buffer.alloc(3_000_000, "abc\r\n0\r\n");
    assert.deepEqual(await send(socket, pieces(Buffer.from("a"), Buffer.alloc(0), large)), [200, "thanks"]);
    assert.deepEqual(await send(socket, pieces()), [200, "thanks"]);
    assert.ok(seen[0]?.equals(Buffer.concat([Buffer.from("a"), large])));
    assert.equal(seen[1]?.length, 0);
  });

  test("that is refused in the middle gives the answer, and is sent no further", async (t) => {
    let sent = 0;
    const socket = await serve(t, (incoming, outgoing) => {
      incoming.once("data", () => {
        outgoing.writeHead(422);
        outgoing.end("no");
      });
    });
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        sent += 1;
        yield Buffer.alloc(100_000);
      }
    }
    assert.deepEqual(await send(socket, endless()), [422, "no"]);
    const before = sent;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(sent - before < 3);
  });

  test("of a source that fails is the source's error", async (t) => {
    const socket = await serve(t, (incoming) => void incoming.resume());
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from("a");
      throw fault("file_unusable", { path: "/x", reason: "it is gone" });
    }
    await rejectsWith(send(socket, failing()), "file_unusable", 'the file "/x" cannot be used: it is gone');
  });

  test("to a server that goes away is a lost daemon", async (t) => {
    const socket = await serve(t, (incoming) => void incoming.once("data", () => incoming.socket.destroy()));
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(100_000);
    }
    await rejectsWith(send(socket, endless()), "daemon_unreachable");
  });
});
