import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { CatalogShelf } from "../../../src/image/catalogs/shelf.ts";
import { detachedContext } from "../../../src/lib/context.ts";
import { HttpClient } from "../../../src/lib/http/client.ts";
import type { ImageCatalogEntry } from "../../../src/model/image.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/http-server.ts";
import { Signer } from "../../support/minisign.ts";
import { atEveryStep } from "../../support/power-cut.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { catalogEntry, listening } from "../images.ts";

const context = detachedContext();
const day = 24 * 3600 * 1000;
const start = Date.parse("2026-01-01T00:00:00.000Z");

interface Publisher {
  url: string;
  requests: string[];
  files: Map<string, string | Buffer>;
  publish(names: string[], created?: string): void;
}

/** Somebody who publishes a catalog on loopback. */
async function publisher(
  t: TestContext,
  signer: Signer,
  created = "2026-01-01T00:00:00.000Z",
): Promise<Publisher> {
  const files = new Map<string, string | Buffer>();
  const server = await serve(t, (request, response) => {
    const file = files.get(request.url ?? "");
    response.writeHead(file === undefined ? 404 : 200);
    response.end(file);
  });
  const publish = (names: string[], when = created): void => {
    const images: ImageCatalogEntry[] = names.map((name) => catalogEntry(name));
    const document = JSON.stringify({ version: 1, created: when, images });
    files.set("/c.json", document);
    files.set("/c.json.minisig", signer.sign(Buffer.from(document)));
  };
  return { url: `${server.url}/c.json`, requests: server.requests, files, publish };
}

async function world(t: TestContext) {
  const signer = new Signer();
  const published = await publisher(t, signer);
  published.publish(["team-dev", "team-ci"]);
  const http = new HttpClient({ env: {}, answerTimeout: 300, stallTimeout: 300 });
  t.after(() => http.close());
  const directory = join(temporaryDirectory(t), "catalogs");
  let now = start;
  const catalogs = [{ name: "team", url: published.url, public_key: signer.publicKey }];
  const shelf = (more = catalogs): CatalogShelf =>
    new CatalogShelf({ catalogs: more, http, directory, now: () => now });
  return { signer, published, http, directory, catalogs, shelf, pass: (ms: number) => (now += ms) };
}

const names = async (shelf: CatalogShelf): Promise<string[]> =>
  (await shelf.entries(context)).map(({ entry, catalog }) => `${catalog}/${entry.name}`);

describe("a catalog", () => {
  test("is fetched when it is first needed, kept for a day, and fetched anew after it", async (t) => {
    const { published, shelf, pass } = await world(t);
    assert.deepEqual(
      (await shelf().list()).map(({ images, stale }) => [images, stale]),
      [[undefined, true]],
    );
    assert.deepEqual(await names(shelf()), ["team/team-dev", "team/team-ci"]);
    assert.equal((await shelf().find("team-ci", context))?.name, "team-ci");
    assert.equal(await shelf().find("nothing", context), undefined);
    assert.deepEqual(published.requests, ["GET /c.json", "GET /c.json.minisig"]);
    published.publish(["newer"], "2026-01-02T00:00:00.000Z");
    pass(day + 1);
    assert.deepEqual(await names(shelf()), ["team/newer"]);
    assert.deepEqual(await shelf().list(), [
      {
        name: "team",
        url: published.url,
        images: 1,
        created: "2026-01-02T00:00:00.000Z",
        fetched: new Date(start + day + 1).toISOString(),
        stale: false,
      },
    ]);
  });

  test("is used from its copy when nobody answers, however old, and that is said", async (t) => {
    const { published, shelf, pass } = await world(t);
    await shelf().update(context);
    pass(30 * day);
    published.files.clear();
    const heard = listening();
    assert.equal((await shelf().find("team-dev", heard))?.name, "team-dev");
    assert.deepEqual(
      heard.heard.map(({ state, message }) => [state, message]),
      [
        [
          "note",
          `the catalog "team" (${published.url}) cannot be used: cannot reach "${published.url}": HTTP 404 Not Found; its copy of 2026-01-01T00:00:00.000Z is used`,
        ],
      ],
    );
    await rejectsWith(shelf().update(context), "catalog_unusable");
    assert.deepEqual(await names(shelf()), ["team/team-dev", "team/team-ci"]);
  });

  test("that stalls is given up", async (t) => {
    const { shelf, catalogs, signer } = await world(t);
    const silent = await serve(t, () => undefined);
    const url = `${silent.url}/c.json`;
    const slow = shelf([{ ...catalogs[0], name: "slow", url, public_key: signer.publicKey }]);
    await rejectsWith(
      slow.update(context),
      "catalog_unusable",
      `the catalog "slow" (${url}) cannot be used: cannot reach "${url}": nothing came for 0.3 s`,
    );
  });

  test("is refused when it is not signed as it should be, and the copy stays", async (t) => {
    const { published, shelf, catalogs } = await world(t);
    await shelf().update(context);
    const refused = async (reason: RegExp, other = catalogs): Promise<void> => {
      await rejectsWith(shelf(other).update(context), "catalog_unusable", reason);
      assert.deepEqual(await names(shelf()), ["team/team-dev", "team/team-ci"]);
    };
    const document = published.files.get("/c.json") as string;
    published.files.set("/c.json", document.replace("team-dev", "evil-dev"));
    await refused(/its signature is refused: it is not that of this content$/);
    published.files.set("/c.json", document);
    published.files.set("/c.json.minisig", new Signer().sign(Buffer.from(document)));
    await refused(/its signature is refused: it was made with the key /);
    published.files.delete("/c.json.minisig");
    await refused(/c\.json\.minisig": HTTP 404 Not Found$/);
    published.files.set("/c.json", Buffer.alloc(5 * 2 ** 20));
    await refused(/it has more than 4194304 bytes$/);
  });

  test("is refused when it is older than what was seen before", async (t) => {
    const { published, shelf } = await world(t);
    await shelf().update(context);
    published.publish(["withdrawn"], "2025-12-31T00:00:00.000Z");
    await rejectsWith(
      shelf().update(context),
      "catalog_unusable",
      /it is of 2025-12-31T00:00:00\.000Z, older than the one of 2026-01-01T00:00:00\.000Z that was seen before$/,
    );
    assert.deepEqual(await names(shelf()), ["team/team-dev", "team/team-ci"]);
  });

  test("is refused when it is signed but does not follow the format", async (t) => {
    const { published, shelf, signer } = await world(t);
    const sources = [{ kind: "oci", reference: "docker.io/library/alpine:3.20" }];
    for (const [text, reason] of [
      ["{", /it is not JSON: /],
      ['{"version":2}', /it is not valid: version: /],
      [
        JSON.stringify({
          version: 1,
          created: "2026-01-01T00:00:00.000Z",
          images: [{ ...catalogEntry("a"), sources }],
        }),
        /it is not valid: images\.0\.sources\.0\.reference: /,
      ],
      [
        JSON.stringify({
          version: 1,
          created: "2026-01-01T00:00:00.000Z",
          images: [catalogEntry("a"), catalogEntry("a")],
        }),
        /it has the image a twice$/,
      ],
      [
        JSON.stringify({
          version: 1,
          created: "2026-01-01T00:00:00.000Z",
          images: [{ ...catalogEntry("a"), name: "../a" }],
        }),
        /it is not valid: images\.0\.name: /,
      ],
    ] as const) {
      published.files.set("/c.json", text);
      published.files.set("/c.json.minisig", signer.sign(Buffer.from(text)));
      await rejectsWith(shelf().update(context), "catalog_unusable", reason);
    }
  });

  test("may be a file", async (t) => {
    const { signer, shelf, published } = await world(t);
    const path = join(temporaryDirectory(t), "mine.json");
    const url = pathToFileURL(path).href;
    const mine = shelf([{ url, public_key: signer.publicKey } as never]);
    const missing = `the catalog "mine.json" (${url}) cannot be used: the file "${path}" cannot be used: there is no such file`;
    await rejectsWith(mine.update(context), "catalog_unusable", missing);
    writeFileSync(path, published.files.get("/c.json") ?? "");
    writeFileSync(`${path}.minisig`, published.files.get("/c.json.minisig") ?? "");
    assert.deepEqual(await names(mine), ["mine.json/team-dev", "mine.json/team-ci"]);
  });

  test("is not fetched over http but from loopback", async (t) => {
    const { signer, shelf } = await world(t);
    for (const [url, reason] of [
      ["http://example.org/c.json", "http is taken on loopback only"],
      ["ftp://example.org/c.json", "ftp: is neither https: nor file:"],
      ["https://me:secret@example.org/c.json", "a URL with a password in it is not taken"],
    ] as const) {
      const one = shelf([{ name: "x", url, public_key: signer.publicKey }]);
      await rejectsWith(one.update(context), "catalog_unusable", new RegExp(`${reason}$`));
    }
  });

  test("after another one adds what that does not have", async (t) => {
    const { signer, shelf, catalogs } = await world(t);
    const second = await publisher(t, signer);
    second.publish(["team-dev", "extra"]);
    const both = shelf([...catalogs, { name: "second", url: second.url, public_key: signer.publicKey }]);
    assert.deepEqual(await names(both), ["team/team-dev", "team/team-ci", "second/extra"]);
    assert.deepEqual(await both.known(), ["team-dev", "team-ci", "team-dev", "extra"]);
  });

  test("does not stand in the way of those after it", async (t) => {
    const { signer, shelf, catalogs } = await world(t);
    const dead = { name: "dead", url: "http://127.0.0.1:1/c.json", public_key: signer.publicKey };
    const heard = listening();
    const both = shelf([dead, ...catalogs]);
    assert.equal((await both.find("team-dev", heard))?.name, "team-dev");
    assert.match(heard.heard[0]?.message ?? "", /^the catalog "dead" .* connection refused$/);
    await rejectsWith(both.update(context), "catalog_unusable", /dead/);
  });

  test("of which the copy was changed on the disk is fetched anew", async (t) => {
    const { shelf, directory, published } = await world(t);
    await shelf().update(context);
    const [file = ""] = readdirSync(directory);
    for (const text of [
      "",
      "{}",
      '{"fetched":"2026-01-01T00:00:00.000Z","document":"YQ==","signature":"YQ=="}',
    ]) {
      writeFileSync(join(directory, file), text);
      assert.deepEqual(await names(shelf()), ["team/team-dev", "team/team-ci"]);
    }
    assert.equal(published.requests.length, 8);
  });

  test("whose update is killed at any step is as it was or new", async (t) => {
    const { shelf, directory, published, pass } = await world(t);
    await shelf().update(context);
    let run = 1;
    const steps = await atEveryStep(
      async () => {
        run += 1;
        pass(1000);
        published.publish([`run-${run}`], new Date(start + run * 1000).toISOString());
        return () => shelf().update(context);
      },
      async () => {
        await shelf().removeLeftovers();
        assert.equal(readdirSync(directory).length, 1);
        assert.equal((await shelf().list())[0]?.problem, undefined);
        assert.deepEqual((await shelf().update(context))[0]?.images, 1);
        assert.deepEqual(await names(shelf()), [`team/run-${run}`]);
      },
    );
    assert.ok(steps >= 4, `${steps} steps`);
  });
});
