import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DebianArchive, type DebianArchiveOptions } from "../../src/debian/archive.ts";
import { detachedContext } from "../../src/lib/context.ts";
import { HttpClient } from "../../src/lib/http/client.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { hashOf, serveArchive, type TestArchive, type TestPackage, xz } from "./support/archive.ts";
import { makeKey } from "./support/openpgp.ts";

const context = detachedContext();

function client(t: TestContext, served: TestArchive, options: Partial<DebianArchiveOptions> = {}) {
  const downloads = options.downloads ?? temporaryDirectory(t);
  const archive = new DebianArchive({
    mirror: served.mirror,
    securityMirror: served.securityMirror,
    checkValidUntil: true,
    keys: [{ ...served.key, owner: "test" }],
    http: new HttpClient({ env: {} }),
    pause: 1,
    ...options,
    downloads,
  });
  t.after(() => archive.close());
  return { archive, downloads };
}

const pkg = (name: string, version: string, more: Partial<TestPackage> = {}): TestPackage => ({
  name,
  version,
  content: Buffer.from(`${name} ${version}\n`),
  ...more,
});

describe("the client of Debian's archive", () => {
  test("finds the newest version over the suite, its updates and its security updates", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1.9"), pkg("b", "3"), pkg("c", "1:0")] });
    served.publish("bookworm-updates", { packages: [pkg("b", "2"), pkg("c", "2")] });
    served.publish("bookworm-security", { packages: [pkg("a", "1.10"), pkg("b", "2.5")] });
    const { archive } = client(t, served);
    assert.deepEqual(await archive.resolve("bookworm", "a", context), {
      name: "a",
      version: "1.10",
      architecture: "amd64",
      depends: "",
      url: `${served.securityMirror}/pool/main/a_1.10.deb`,
      size: 7,
      sha256: hashOf("a 1.10\n"),
    });
    assert.equal((await archive.resolve("bookworm", "b", context)).version, "3");
    assert.equal((await archive.resolve("bookworm", "c", context)).version, "1:0");
  });

  test("takes packages of this architecture and of all, no others", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", {
      packages: [
        pkg("a", "1"),
        pkg("a", "2", { architecture: "arm64" }),
        pkg("b", "1", { architecture: "all" }),
      ],
    });
    const { archive } = client(t, served);
    const found = await archive.select("bookworm", () => true, context);
    assert.deepEqual(
      found.map((one) => `${one.name} ${one.version}`),
      ["a 1", "b 1"],
    );
  });

  test("downloads a package, and discards it", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1:2.0~rc1+b")] });
    const { archive, downloads } = client(t, served);
    const found = await archive.resolve("bookworm", "a", context);
    const path = await archive.fetch(found, context);
    assert.equal(path, join(downloads, "a_1%3a2.0~rc1+b_amd64.deb"));
    assert.equal(readFileSync(path, "utf8"), "a 1:2.0~rc1+b\n");
    await archive.discard(found);
    assert.equal(existsSync(path), false);
  });

  test("reads an index again only when the release file names another", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1")] });
    const downloads = temporaryDirectory(t);
    for (const expected of ["1", "1", "2"]) {
      if (expected === "2") served.publish("bookworm", { packages: [pkg("a", "2")] });
      const { archive } = client(t, served, { downloads });
      assert.equal((await archive.resolve("bookworm", "a", context)).version, expected);
    }
    const indexes = served.server.requests.filter((one) => one.startsWith("GET /debian/dists/bookworm/main"));
    assert.equal(indexes.length, 2);
    const kept = readdirSync(downloads).filter((name) => name.endsWith("Packages.xz"));
    assert.equal(kept.length, 3);
  });

  test("asks for indexes by their hash where the archive offers it", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1")] });
    served.files.delete("debian/dists/bookworm/main/binary-amd64/Packages.xz");
    const { archive } = client(t, served);
    assert.equal((await archive.resolve("bookworm", "a", context)).version, "1");
  });

  for (const byHash of [true, false]) {
    test(`finds an index without its hash ${byHash ? "when a copy left that out" : "where that is all"}`, async (t) => {
      const served = await serveArchive(t);
      served.publish("bookworm", { packages: [pkg("a", "1")], byHash });
      for (const path of served.files.keys()) if (path.includes("by-hash")) served.files.delete(path);
      const { archive } = client(t, served);
      assert.equal((await archive.resolve("bookworm", "a", context)).version, "1");
    });
  }

  test("gives a keyring for apt", async (t) => {
    const served = await serveArchive(t);
    const { archive, downloads } = client(t, served);
    const path = await archive.keyring();
    assert.equal(join(downloads, path.slice(downloads.length + 1)), path);
    assert.ok(existsSync(path));
  });

  test("with a stanza that is longer than a piece of the download is fine", async (t) => {
    const served = await serveArchive(t);
    const long = Array.from({ length: 50_000 }, (_, at) => `p${at}`).join(", ");
    served.publish("bookworm", { packages: [pkg("z", "1", { depends: long }), pkg("a", "1")] });
    const { archive } = client(t, served);
    assert.equal((await archive.resolve("bookworm", "z", context)).depends, long);
    assert.equal((await archive.resolve("bookworm", "a", context)).version, "1");
  });
});

describe("what goes wrong with the archive has an error of its own:", () => {
  const inRelease = (served: TestArchive): string => `${served.mirror}/dists/bookworm/InRelease`;

  test("a mirror that is not there", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served, { mirror: "http://127.0.0.1:1/debian" });
    await rejectsWith(
      archive.releases("bookworm", context),
      "archive_unreachable",
      'cannot reach "http://127.0.0.1:1/debian/dists/bookworm/InRelease": connection refused',
    );
  });

  test("a suite that is not there", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served);
    await rejectsWith(
      archive.releases("sarge", context),
      "archive_unreachable",
      `cannot reach "${served.mirror}/dists/sarge/InRelease": HTTP 404 Not Found`,
    );
  });

  test("a release file of somebody else", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served, { keys: [{ ...makeKey("Us <us@example.org>"), owner: "us" }] });
    await rejectsWith(
      archive.releases("bookworm", context),
      "archive_bad_signature",
      /is not one of Debian's$/,
    );
  });

  test("a release file that was changed", async (t) => {
    const served = await serveArchive(t);
    const path = "debian/dists/bookworm/InRelease";
    served.files.set(path, Buffer.from(served.files.get(path)?.toString().replace("Debian", "Debiam") ?? ""));
    const { archive } = client(t, served);
    await rejectsWith(
      archive.releases("bookworm", context),
      "archive_bad_signature",
      `the signature of "${inRelease(served)}" is not good: the content was changed after Archive <archive@example.org> signed it`,
    );
  });

  test("a release file of another suite", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { codename: "bullseye" });
    const { archive } = client(t, served);
    await rejectsWith(
      archive.releases("bookworm", context),
      "archive_malformed",
      `"${inRelease(served)}" cannot be understood: it is the release file of "bullseye"`,
    );
  });

  test("an expired release file, unless that is allowed", async (t) => {
    const served = await serveArchive(t);
    const validUntil = new Date("2020-05-05T05:05:05Z");
    served.publish("bookworm-security", { date: new Date("2020-05-01T00:00:00Z"), validUntil });
    const { archive } = client(t, served);
    await rejectsWith(
      archive.releases("bookworm", context),
      "archive_release_expired",
      `the release file "${served.securityMirror}/dists/bookworm-security/InRelease" expired on Tue, 05 May 2020 05:05:05 GMT`,
    );
    const { archive: lenient } = client(t, served, { checkValidUntil: false });
    assert.equal((await lenient.releases("bookworm", context)).length, 3);
  });

  test("a release file of the future", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served, { now: () => new Date("2001-01-01T00:00:00Z") });
    await rejectsWith(archive.releases("bookworm", context), "archive_release_in_future");
  });

  test("an index with another content than the release file says", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1")] });
    const folder = "debian/dists/bookworm/main/binary-amd64";
    const right = served.files.get(`${folder}/Packages.xz`) ?? Buffer.alloc(0);
    const wrong = Buffer.from(right);
    wrong.writeUInt8(wrong.readUInt8(40) ^ 1, 40);
    served.files.set(`${folder}/by-hash/SHA256/${hashOf(right)}`, wrong);
    const { archive } = client(t, served);
    await rejectsWith(
      archive.resolve("bookworm", "a", context),
      "archive_bad_hash",
      `"${served.mirror}/dists/bookworm/main/binary-amd64/by-hash/SHA256/${hashOf(right)}" has SHA-256 ${hashOf(wrong)}, expected ${hashOf(right)}`,
    );
  });

  test("an index that is not one", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { index: "Package: a\nVersion: 1\nnonsense\n" });
    const { archive } = client(t, served);
    await rejectsWith(
      archive.resolve("bookworm", "a", context),
      "archive_malformed",
      `"${served.mirror}/dists/bookworm/main/binary-amd64/Packages.xz" cannot be understood: "nonsense" is no field`,
    );
  });

  test("an index that is not compressed as it should be", async (t) => {
    const served = await serveArchive(t);
    const junk = Buffer.concat([xz("Package: a\n").subarray(0, 30), Buffer.from("junk")]);
    const path = "debian/dists/bookworm/main/binary-amd64/Packages.xz";
    served.files.set(path, junk);
    const release = `Codename: bookworm\nDate: Sat, 11 Jul 2020 10:16:37 UTC\nSHA256:\n ${hashOf(junk)} ${junk.length} main/binary-amd64/Packages.xz\n`;
    served.files.set("debian/dists/bookworm/InRelease", Buffer.from(served.key.clearsign(release)));
    const { archive } = client(t, served);
    await rejectsWith(
      archive.resolve("bookworm", "a", context),
      "archive_malformed",
      /^"http.*Packages\.xz" cannot be understood: the xz data /,
    );
  });

  test("a release file that lists no index", async (t) => {
    const served = await serveArchive(t);
    const release = "Codename: bookworm\nDate: Sat, 11 Jul 2020 10:16:37 UTC\nSHA256:\n";
    served.files.set("debian/dists/bookworm/InRelease", Buffer.from(served.key.clearsign(release)));
    const { archive } = client(t, served);
    await rejectsWith(
      archive.resolve("bookworm", "a", context),
      "archive_malformed",
      `"${inRelease(served)}" cannot be understood: it does not list main/binary-amd64/Packages.xz`,
    );
  });

  test("a package that no index has", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served);
    await rejectsWith(
      archive.resolve("bookworm", "a", context),
      "archive_package_missing",
      'the archive has no package "a" in bookworm',
    );
  });

  test("a package that is not the one of the index", async (t) => {
    const served = await serveArchive(t);
    served.publish("bookworm", { packages: [pkg("a", "1")] });
    served.files.set("debian/pool/main/a_1.deb", Buffer.from("A 1\n"));
    const { archive, downloads } = client(t, served);
    const found = await archive.resolve("bookworm", "a", context);
    await rejectsWith(archive.fetch(found, context), "archive_bad_hash");
    assert.deepEqual(
      readdirSync(downloads).filter((name) => name.includes(".deb")),
      [],
    );
  });

  test("a host without gpgv", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served);
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    t.after(() => {
      process.env.PATH = path;
    });
    const error = await rejectsWith(
      archive.releases("bookworm", context),
      "tool_missing",
      'the program "gpgv" was not found',
    );
    assert.equal(error.remedy, "Install it, for instance with `sudo apt-get install gpgv`");
  });

  test("being cancelled", async (t) => {
    const served = await serveArchive(t);
    const { archive } = client(t, served);
    await rejectsWith(archive.releases("bookworm", detachedContext(AbortSignal.abort())), "interrupted");
  });
});
