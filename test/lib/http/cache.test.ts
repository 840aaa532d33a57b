import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { detachedContext, type Progress } from "../../../src/lib/context.ts";
import { DownloadCache } from "../../../src/lib/http/cache.ts";
import { HttpClient } from "../../../src/lib/http/client.ts";
import { rejectsWith } from "../../support/faults.ts";
import { type Handler, sendFile, serve } from "../../support/http-server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const content = Buffer.from("all of it\n".repeat(5000));
const sha256 = createHash("sha256").update(content).digest("hex");
const step = { stage: "test.fetch", message: "fetching it" };

async function setUp(t: TestContext, handler: Handler = (q, s) => sendFile(q, s, content)) {
  const server = await serve(t, handler);
  const http = new HttpClient({ env: {} });
  t.after(() => http.close());
  const directory = join(temporaryDirectory(t), "downloads");
  const file = { url: `${server.url}/f`, name: "f", sha256, size: content.length };
  const open = (): DownloadCache => new DownloadCache({ directory, http });
  return { server, directory, file, open, cache: open() };
}

describe("the download cache", () => {
  test("fetches a file once and hands it out from then on", async (t) => {
    const { cache, file, server, open } = await setUp(t);
    const path = await cache.fetch(file, step, detachedContext());
    assert.deepEqual(readFileSync(path), content);
    assert.equal(await cache.fetch(file, step, detachedContext()), path);
    assert.equal(await open().fetch(file, step, detachedContext()), path);
    assert.equal(server.requests.length, 1);
  });

  test("reports the fetch with its bytes, and nothing on a hit", async (t) => {
    const { cache, file } = await setUp(t);
    const events: Progress[] = [];
    const context = { signal: new AbortController().signal, report: (e: Progress) => events.push(e) };
    await cache.fetch(file, step, context);
    const seen = events.map(({ stage, state, message, total }) => ({ stage, state, message, total }));
    assert.deepEqual(seen[0], { ...step, state: "started", total: undefined });
    assert.deepEqual(seen[1], { ...step, state: "progress", total: content.length });
    assert.deepEqual(seen.at(-1), { ...step, state: "done", total: undefined });
    events.length = 0;
    await cache.fetch(file, step, context);
    assert.deepEqual(events, []);
  });

  for (const [how, bytes] of [
    ["shorter", content.subarray(1)],
    ["of other bytes", Buffer.alloc(content.length, 1)],
  ] as const) {
    test(`fetches again what has become ${how}`, async (t) => {
      const { cache, file, server } = await setUp(t);
      writeFileSync(await cache.fetch(file, step, detachedContext()), bytes);
      assert.deepEqual(readFileSync(await cache.fetch(file, step, detachedContext())), content);
      assert.equal(server.requests.length, 2);
    });
  }

  test("fetches once for all who ask at the same time, in one cache or in several", async (t) => {
    const { cache, file, server, open } = await setUp(t);
    const other = open();
    const paths = await Promise.all(
      [cache, cache, other, cache, other].map((one) => one.fetch(file, step, detachedContext())),
    );
    assert.equal(new Set(paths).size, 1);
    assert.deepEqual(readFileSync(paths[0] ?? ""), content);
    assert.equal(server.requests.length, 1);
  });

  test("goes on for the others when one of them is cancelled", async (t) => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
    const { cache, file } = await setUp(t, (request, response) => {
      ask(() => sendFile(request, response, content));
    });
    const controller = new AbortController();
    const cancelled = cache.fetch(file, step, detachedContext(controller.signal));
    const kept = cache.fetch(file, step, detachedContext());
    controller.abort();
    await rejectsWith(cancelled, "interrupted");
    const answer = await asked;
    answer();
    assert.deepEqual(readFileSync(await kept), content);
  });

  test("leaves no part behind when the last one is cancelled", async (t) => {
    const controller = new AbortController();
    const { cache, file, directory } = await setUp(t, (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write("all of");
      setImmediate(() => controller.abort());
    });
    await rejectsWith(cache.fetch(file, step, detachedContext(controller.signal)), "interrupted");
    // The wait ends at once, the clean-up right after it: asking again waits for that.
    await rejectsWith(cache.fetch(file, step, detachedContext(AbortSignal.abort())), "interrupted");
    const left = readdirSync(directory).filter((name) => !name.startsWith(".lock-"));
    assert.deepEqual(left, []);
  });

  test("drops parts that nobody went on with for a week", async (t) => {
    const { cache, file, directory } = await setUp(t);
    const path = await cache.fetch(file, step, detachedContext());
    const old = join(directory, "gone.0123.part");
    const young = join(directory, "young.0123.part");
    writeFileSync(old, "x");
    writeFileSync(young, "x");
    utimesSync(old, 1, 1);
    writeFileSync(path, "changed");
    await cache.fetch(file, step, detachedContext());
    assert.equal(existsSync(old), false);
    assert.equal(existsSync(young), true);
  });

  test("forgets a file when told", async (t) => {
    const { cache, file, server } = await setUp(t);
    const path = await cache.fetch(file, step, detachedContext());
    await cache.remove("f");
    assert.equal(existsSync(path), false);
    await cache.fetch(file, step, detachedContext());
    assert.equal(server.requests.length, 2);
  });

  test("that cannot be made is an error that names where", async (t) => {
    const { file } = await setUp(t);
    const http = new HttpClient({ env: {} });
    t.after(() => http.close());
    const cache = new DownloadCache({ directory: "/sys/kernel/banger", http });
    const error = await rejectsWith(cache.fetch(file, step, detachedContext()), "directory_not_writable");
    assert.match(error.message, /^the directory "\/sys\/kernel" cannot be written: /);
  });
});
