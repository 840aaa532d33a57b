import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HttpClient } from "../../../src/lib/http/client.ts";
import { proxySettings } from "../../../src/lib/http/proxy.ts";
import { rejectsWith, throwsWith } from "../../support/faults.ts";
import { serve } from "../../support/http-server.ts";

const signal = new AbortController().signal;

async function bodyOf(client: HttpClient, url: string): Promise<string> {
  const response = await client.get(url, { signal });
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("the proxy of the environment", () => {
  for (const name of ["http_proxy", "HTTP_PROXY"]) {
    test(`is asked when ${name} names it`, async (t) => {
      const proxy = await serve(t, (_, response) => response.end("from the proxy"));
      const client = new HttpClient({ env: { [name]: proxy.url } });
      t.after(() => client.close());
      assert.equal(await bodyOf(client, "http://mirror.invalid/debian/x"), "from the proxy");
      assert.deepEqual(proxy.requests, ["GET http://mirror.invalid/debian/x"]);
    });
  }

  test("may be named without a scheme", async (t) => {
    const proxy = await serve(t, (_, response) => response.end("from the proxy"));
    const client = new HttpClient({ env: { http_proxy: `127.0.0.1:${proxy.port}` } });
    t.after(() => client.close());
    assert.equal(await bodyOf(client, "http://mirror.invalid/x"), "from the proxy");
  });

  test("gets the user and password that its address holds", async (t) => {
    const proxy = await serve(t, (request, response) => response.end(request.headers["proxy-authorization"]));
    const client = new HttpClient({ env: { http_proxy: `http://me:secret@127.0.0.1:${proxy.port}` } });
    t.after(() => client.close());
    const sent = await bodyOf(client, "http://mirror.invalid/x");
    assert.equal(sent, `Basic ${Buffer.from("me:secret").toString("base64")}`);
  });

  for (const name of ["no_proxy", "NO_PROXY"]) {
    test(`is passed by for hosts that ${name} lists`, async (t) => {
      const proxy = await serve(t, (_, response) => response.end("from the proxy"));
      const origin = await serve(t, (_, response) => response.end("from the origin"));
      const client = new HttpClient({ env: { http_proxy: proxy.url, [name]: "127.0.0.1" } });
      t.after(() => client.close());
      assert.equal(await bodyOf(client, `${origin.url}/x`), "from the origin");
      assert.deepEqual(proxy.requests, []);
    });
  }

  test("carries https as a tunnel", async (t) => {
    const proxy = await serve(t, (_, response) => response.end());
    const client = new HttpClient({ env: { https_proxy: proxy.url } });
    t.after(() => client.close());
    await rejectsWith(client.get("https://mirror.invalid/x", { signal }), "archive_unreachable", /tunnel/);
  });

  test("that is not there is said to be unreachable", async (t) => {
    const client = new HttpClient({ env: { http_proxy: "http://127.0.0.1:1" } });
    t.after(() => client.close());
    await rejectsWith(
      client.get("http://mirror.invalid/x", { signal }),
      "archive_unreachable",
      'cannot reach "http://mirror.invalid/x": connection refused',
    );
  });

  test("of another kind is refused, without showing its password", () => {
    throwsWith(
      () => proxySettings({ http_proxy: "socks5://me:secret@host:1080" }),
      "invalid_value",
      'http_proxy is "socks5://***@host:1080", expected an HTTP proxy such as http://host:3128',
    );
  });

  test("counts as absent when the variable is empty", () => {
    assert.deepEqual(proxySettings({ http_proxy: "", HTTPS_PROXY: " ", no_proxy: "a,b" }), {
      no_proxy: "a,b",
    });
  });
});
