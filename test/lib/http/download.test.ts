import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { HttpClient } from "../../../src/lib/http/client.ts";
import { type Download, type DownloadOptions, download, fetchBytes } from "../../../src/lib/http/download.ts";
import { rejectsWith } from "../../support/faults.ts";
import { type Handler, sendFile, serve, type TestServer } from "../../support/http-server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const signal = new AbortController().signal;
const quick: DownloadOptions = { signal, pause: 1 };

interface Setup {
  server: TestServer;
  http: HttpClient;
  folder: string;
  what: Download;
  part: string;
}

async function setUp(t: TestContext, handler: Handler): Promise<Setup> {
  const server = await serve(t, handler);
  const http = new HttpClient({ env: {}, stallTimeout: 2000 });
  t.after(() => http.close());
  const folder = temporaryDirectory(t);
  const sha256 = hash(content);
  const what = { url: `${server.url}/f`, path: join(folder, "f"), sha256, size: content.length };
  return { server, http, folder, what, part: `${what.path}.${sha256.slice(0, 16)}.part` };
}

describe("a download", () => {
  test("puts the file in place, whole, and tells how far it is", async (t) => {
    const { http, what, folder } = await setUp(t, (request, response) =>
      sendFile(request, response, content),
    );
    const seen: number[] = [];
    await download(http, what, { ...quick, onProgress: (bytes) => seen.push(bytes) });
    assert.deepEqual(readFileSync(what.path), content);
    assert.deepEqual(readdirSync(folder), ["f"]);
    assert.equal(seen.at(-1), content.length);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
  });

  test("of an empty file needs no request", async (t) => {
    const { http, what, server } = await setUp(t, (_, response) => response.end());
    await download(http, { ...what, sha256: hash(Buffer.alloc(0)), size: 0 }, quick);
    assert.equal(readFileSync(what.path).length, 0);
    assert.deepEqual(server.requests, []);
  });

  test("that breaks goes on where it stopped", async (t) => {
    const ranges: unknown[] = [];
    const { http, what } = await setUp(t, (request, response, count) => {
      ranges.push(request.headers.range);
      if (count > 0) return sendFile(request, response, content);
      response.writeHead(200, { "content-length": content.length });
      return response.write(content.subarray(0, 100_000), () => setImmediate(() => response.destroy()));
    });
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
    assert.equal(ranges.length, 2);
    assert.equal(ranges[0], undefined);
    assert.match(String(ranges[1]), /^bytes=\d+-$/);
  });

  test("goes on from what an earlier process left", async (t) => {
    const { http, what, part, server, folder } = await setUp(t, (request, response) => {
      assert.equal(request.headers.range, "bytes=250000-");
      sendFile(request, response, content);
    });
    writeFileSync(part, content.subarray(0, 250_000));
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
    assert.equal(server.requests.length, 1);
    assert.deepEqual(readdirSync(folder), ["f"]);
  });

  test("needs no request when everything was left", async (t) => {
    const { http, what, part, server } = await setUp(t, (_, response) => response.end());
    writeFileSync(part, content);
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
    assert.deepEqual(server.requests, []);
  });

  test("starts over when the server ignores the range", async (t) => {
    const { http, what, part } = await setUp(t, (_, response) => response.end(content));
    writeFileSync(part, content.subarray(0, 1000));
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
  });

  test("starts over when the server goes on at another place", async (t) => {
    const { http, what, part } = await setUp(t, (request, response) => {
      if (request.headers.range) {
        return response.writeHead(206, { "content-range": "bytes 7-9/300000" }).end("abc");
      }
      return sendFile(request, response, content);
    });
    writeFileSync(part, content.subarray(0, 1000));
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
  });

  for (const [what_, left] of [
    ["wrong bytes", Buffer.alloc(5000, 1)],
    ["too many bytes", Buffer.alloc(400_000, 1)],
    ["as many bytes, but wrong", Buffer.alloc(300_000, 1)],
  ] as const) {
    test(`is not led astray by ${what_} of an earlier process`, async (t) => {
      const { http, what, part } = await setUp(t, (request, response) =>
        sendFile(request, response, content),
      );
      writeFileSync(part, left);
      await download(http, what, quick);
      assert.deepEqual(readFileSync(what.path), content);
    });
  }

  test("with another content than expected is an error and leaves nothing", async (t) => {
    const wrong = Buffer.from(content);
    wrong[5] = 0;
    const { http, what, folder, server } = await setUp(t, (request, response) =>
      sendFile(request, response, wrong),
    );
    await rejectsWith(
      download(http, what, quick),
      "archive_bad_hash",
      `"${what.url}" has SHA-256 ${hash(wrong)}, expected ${what.sha256}`,
    );
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(server.requests.length, 1);
  });

  test("that has more bytes than announced is stopped", async (t) => {
    const { http, what, folder } = await setUp(t, (_, response) => {
      response.write(content);
      response.end("x");
    });
    await rejectsWith(
      download(http, what, quick),
      "archive_malformed",
      `"${what.url}" cannot be understood: it has more than the announced 300000 bytes`,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  for (const status of [429, 500, 502, 503, 504]) {
    test(`is tried again after HTTP ${status}`, async (t) => {
      const { http, what, server } = await setUp(t, (request, response, count) => {
        if (count < 2) response.writeHead(status).end("later");
        else sendFile(request, response, content);
      });
      await download(http, what, quick);
      assert.equal(server.requests.length, 3);
    });
  }

  test("is given up after four failures in a row", async (t) => {
    const { http, what, server, folder } = await setUp(t, (_, response) => response.writeHead(503).end());
    await rejectsWith(
      download(http, what, quick),
      "archive_unreachable",
      `cannot reach "${what.url}": HTTP 503 Service Unavailable`,
    );
    assert.equal(server.requests.length, 4);
    assert.equal(readdirSync(folder).filter((name) => name === "f").length, 0);
  });

  for (const status of [400, 401, 403, 404, 410]) {
    test(`is not tried again after HTTP ${status}`, async (t) => {
      const { http, what, server } = await setUp(t, (_, response) => response.writeHead(status).end());
      await rejectsWith(download(http, what, quick), "archive_unreachable", new RegExp(`HTTP ${status} `));
      assert.equal(server.requests.length, 1);
    });
  }

  test("that breaks again and again goes on as long as something comes", async (t) => {
    const { http, what, server } = await setUp(t, (request, response) => {
      const start = Number(/(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const piece = content.subarray(start, start + 40_000);
      response.writeHead(start === 0 ? 200 : 206, {
        "content-length": content.length - start,
        "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
      });
      response.write(piece, () =>
        setImmediate(() => (start + piece.length < content.length ? response.destroy() : response.end())),
      );
    });
    await download(http, what, quick);
    assert.deepEqual(readFileSync(what.path), content);
    assert.ok(server.requests.length > 4);
  });

  test("that breaks off at the same place each time is given up", async (t) => {
    const { http, what, server } = await setUp(t, (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 40_000), () => setImmediate(() => response.destroy()));
    });
    await rejectsWith(download(http, what, quick), "archive_unreachable");
    // What came the first time is no failure yet; each further attempt asks for the rest first.
    assert.ok(server.requests.length <= 6, `${server.requests.length} requests`);
  });

  test("that is cancelled leaves nothing", async (t) => {
    const controller = new AbortController();
    const { http, what, folder } = await setUp(t, (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 1000));
    });
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    await rejectsWith(download(http, what, options), "interrupted", `downloading ${what.url} was cancelled`);
    assert.deepEqual(readdirSync(folder), []);
  });

  test("that is cancelled while it waits to try again ends at once", async (t) => {
    const controller = new AbortController();
    const { http, what } = await setUp(t, (_, response) => {
      response.writeHead(503, { "retry-after": "25" }).end();
      setImmediate(() => controller.abort());
    });
    await rejectsWith(download(http, what, { signal: controller.signal }), "interrupted");
  });

  test("onto a full disk says so", async (t) => {
    const { http, what, part } = await setUp(t, (request, response) => sendFile(request, response, content));
    symlinkSync("/dev/full", part);
    await rejectsWith(
      download(http, what, quick),
      "no_space",
      `no space left at "${what.path}" while downloading ${what.url}`,
    );
  });

  test("into a directory that is not there fails with the system's error", async (t) => {
    const { http, what, folder } = await setUp(t, (request, response) =>
      sendFile(request, response, content),
    );
    const path = join(folder, "gone", "f");
    await assert.rejects(download(http, { ...what, path }, quick), { code: "ENOENT" });
  });
});

describe("a small download into memory", () => {
  test("gives the bytes, trying again when the server is busy", async (t) => {
    const { http, what } = await setUp(t, (request, response, count) => {
      if (count === 0) response.writeHead(502).end();
      else sendFile(request, response, content);
    });
    assert.deepEqual(await fetchBytes(http, what.url, 1_000_000, quick), content);
  });

  test("is stopped when it is larger than allowed", async (t) => {
    const { http, what } = await setUp(t, (request, response) => sendFile(request, response, content));
    await rejectsWith(
      fetchBytes(http, what.url, 1000, quick),
      "archive_malformed",
      `"${what.url}" cannot be understood: it has more than 1000 bytes`,
    );
  });

  test("that is not there is an error with the server's status", async (t) => {
    const { http, what } = await setUp(t, (_, response) => response.writeHead(404).end());
    await rejectsWith(
      fetchBytes(http, what.url, 1000, quick),
      "archive_unreachable",
      `cannot reach "${what.url}": HTTP 404 Not Found`,
    );
  });
});
