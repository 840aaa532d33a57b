import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { HttpClient, type HttpClientOptions } from "../../../src/lib/http/client.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/http-server.ts";

const signal = new AbortController().signal;

function clientOf(t: TestContext, options: HttpClientOptions = {}): HttpClient {
  const client = new HttpClient({ env: {}, ...options });
  t.after(() => client.close());
  return client;
}

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("a GET", () => {
  test("gives status, headers and body", async (t) => {
    const server = await serve(t, (request, response) => {
      response.writeHead(404, { "x-range": request.headers.range ?? "" });
      response.end("nothing here");
    });
    const response = await clientOf(t).get(`${server.url}/a`, { signal, headers: { range: "bytes=5-" } });
    assert.equal(response.status, 404);
    assert.equal(response.headers["x-range"], "bytes=5-");
    assert.equal(await text(response.body), "nothing here");
  });

  test("follows redirects, relative ones too, and says where it ended", async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.url === "/a") return response.writeHead(302, { location: "b" }).end("moved");
      if (request.url === "/b") return response.writeHead(308, { location: `${server.url}/c` }).end();
      return response.end("here");
    });
    const response = await clientOf(t).get(`${server.url}/a`, { signal });
    assert.equal(response.url, `${server.url}/c`);
    assert.equal(await text(response.body), "here");
  });

  test("shows its login to the server that was asked, and to no other that it is sent to", async (t) => {
    const seen: unknown[] = [];
    const other = await serve(t, (request, response) => {
      seen.push([request.url, request.headers.authorization, request.headers.range]);
      response.end();
    });
    const server = await serve(t, (request, response) => {
      seen.push([request.url, request.headers.authorization, request.headers.range]);
      const location = request.url === "/a" ? "/b" : `${other.url}/c`;
      response.writeHead(307, { location }).end();
    });
    const headers = { Authorization: "Basic x", range: "bytes=1-" };
    (await clientOf(t).get(`${server.url}/a`, { signal, headers })).discard();
    assert.deepEqual(seen, [
      ["/a", "Basic x", "bytes=1-"],
      ["/b", "Basic x", "bytes=1-"],
      ["/c", undefined, "bytes=1-"],
    ]);
  });

  test("becomes a POST with a form, and then follows no redirect", async (t) => {
    const server = await serve(t, (request, response) => {
      response.writeHead(request.url === "/r" ? 307 : 200, { location: "/elsewhere" });
      response.write(`${request.method} ${request.headers["content-type"]} `);
      request.pipe(response);
    });
    const client = clientOf(t);
    const answer = await client.get(`${server.url}/a`, { signal, form: "a=1&b=%26" });
    assert.equal(await text(answer.body), "POST application/x-www-form-urlencoded a=1&b=%26");
    const redirected = await client.get(`${server.url}/r`, { signal, form: "a=1" });
    assert.equal(redirected.status, 307);
    redirected.discard();
  });

  test("gives up on a redirect that leads to itself", async (t) => {
    const server = await serve(t, (_, response) => response.writeHead(301, { location: "/a" }).end());
    await rejectsWith(
      clientOf(t).get(`${server.url}/a`, { signal }),
      "archive_unreachable",
      `cannot reach "${server.url}/a": more than 5 redirects`,
    );
    assert.equal(server.requests.length, 6);
  });

  test("does not follow a redirect to another kind of address", async (t) => {
    const server = await serve(t, (_, response) =>
      response.writeHead(301, { location: "file:///etc/passwd" }).end(),
    );
    await rejectsWith(
      clientOf(t).get(`${server.url}/a`, { signal }),
      "archive_unreachable",
      'cannot reach "file:///etc/passwd": not an http or https address',
    );
  });

  test("of what is no web address is refused", async (t) => {
    for (const url of ["ftp://host/x", "nonsense", ""]) {
      await rejectsWith(
        clientOf(t).get(url, { signal }),
        "archive_unreachable",
        `cannot reach ${JSON.stringify(url)}: not an http or https address`,
      );
    }
  });

  test("ends when no answer comes", async (t) => {
    const server = await serve(t, () => undefined);
    await rejectsWith(
      clientOf(t, { answerTimeout: 30 }).get(`${server.url}/a`, { signal }),
      "archive_unreachable",
      `cannot reach "${server.url}/a": nothing came for 0.03 s`,
    );
  });

  test("ends when the body stalls", async (t) => {
    const server = await serve(t, (_, response) => {
      response.writeHead(200, { "content-length": 10 });
      response.write("half");
    });
    const response = await clientOf(t, { stallTimeout: 30 }).get(`${server.url}/a`, { signal });
    await rejectsWith(
      text(response.body),
      "archive_unreachable",
      `cannot reach "${server.url}/a": nothing came for 0.03 s`,
    );
  });

  test("notices a body that is cut off", async (t) => {
    const server = await serve(t, (_, response) => {
      response.writeHead(200, { "content-length": 10 });
      response.write("half", () => response.destroy());
    });
    const response = await clientOf(t).get(`${server.url}/a`, { signal });
    await rejectsWith(
      text(response.body),
      "archive_unreachable",
      `cannot reach "${server.url}/a": the connection broke`,
    );
  });

  test("is cancelled by its signal, before the answer and within the body", async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.url === "/body") response.writeHead(200).write("half");
    });
    const client = clientOf(t);
    const before = new AbortController();
    const waiting = client.get(`${server.url}/silent`, { signal: before.signal });
    setImmediate(() => before.abort());
    await rejectsWith(waiting, "interrupted", `downloading ${server.url}/silent was cancelled`);

    const within = new AbortController();
    const response = await client.get(`${server.url}/body`, { signal: within.signal });
    setImmediate(() => within.abort());
    await rejectsWith(text(response.body), "interrupted", `downloading ${server.url}/body was cancelled`);
  });

  test("is not even sent when its signal is aborted", async (t) => {
    const server = await serve(t, (_, response) => response.end());
    await rejectsWith(clientOf(t).get(server.url, { signal: AbortSignal.abort() }), "interrupted");
    assert.deepEqual(server.requests, []);
  });

  test("names a host that does not exist", async (t) => {
    const error = await rejectsWith(
      clientOf(t).get("http://mirror.invalid/x", { signal }),
      "archive_unreachable",
      /^cannot reach "http:\/\/mirror\.invalid\/x": (no such host|the name server does not answer)$/,
    );
    assert.ok(error.cause instanceof Error);
  });
});
