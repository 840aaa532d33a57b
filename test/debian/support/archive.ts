import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { sendFile, serve, type TestServer } from "../../support/http-server.ts";
import { makeKey, type SigningKey } from "./openpgp.ts";

export interface TestPackage {
  name: string;
  version: string;
  architecture?: string;
  depends?: string;
  content: Buffer;
}

export interface SuiteOptions {
  packages?: TestPackage[];
  date?: Date;
  validUntil?: Date;
  byHash?: boolean;
  codename?: string;
  /** Instead of the stanzas of `packages`. */
  index?: string;
}

/** An archive like Debian's, signed with a key of the test's own. Its files may be changed while it is served. */
export interface TestArchive {
  server: TestServer;
  mirror: string;
  securityMirror: string;
  key: SigningKey;
  /** By path, without a leading slash; taken away: 404. */
  files: Map<string, Buffer>;
  /** Makes or remakes `dists/<name>` (in `debian-security/` when the name ends so). */
  publish(name: string, options?: SuiteOptions): void;
}

export const hashOf = (content: Buffer | string): string =>
  createHash("sha256").update(content).digest("hex");

/** Serves a release named `codename` with its updates and security updates, empty at first. */
export async function serveArchive(t: TestContext, codename = "bookworm"): Promise<TestArchive> {
  const files = new Map<string, Buffer>();
  const key = makeKey("Archive <archive@example.org>");
  const server = await serve(t, (request, response) => {
    const content = files.get(decodeURIComponent(request.url ?? "").slice(1));
    if (content) sendFile(request, response, content);
    else response.writeHead(404).end();
  });
  const archive: TestArchive = {
    server,
    mirror: `${server.url}/debian`,
    securityMirror: `${server.url}/debian-security`,
    key,
    files,
    publish: (name, options = {}) => publish(files, key, name, options),
  };
  for (const suffix of ["", "-updates", "-security"]) archive.publish(codename + suffix);
  return archive;
}

function publish(files: Map<string, Buffer>, key: SigningKey, name: string, options: SuiteOptions): void {
  const root = name.endsWith("-security") ? "debian-security" : "debian";
  const stanzas = (options.packages ?? []).map((one) => {
    const filename = `pool/main/${one.name}_${one.version}.deb`;
    files.set(`${root}/${filename}`, one.content);
    return stanzaOf(one, filename);
  });
  const index = xz(options.index ?? stanzas.join("\n"));
  const folder = `${root}/dists/${name}`;
  const binary = `${folder}/main/binary-amd64`;
  files.set(`${binary}/Packages.xz`, index);
  if (options.byHash !== false) files.set(`${binary}/by-hash/SHA256/${hashOf(index)}`, index);
  const fields = [
    "Origin: Debian",
    "Suite: oldstable",
    `Codename: ${options.codename ?? name}`,
    `Date: ${debianDate(options.date ?? new Date(Date.now() - 60_000))}`,
    ...(options.validUntil ? [`Valid-Until: ${debianDate(options.validUntil)}`] : []),
    `Acquire-By-Hash: ${options.byHash === false ? "no" : "yes"}`,
    "SHA256:",
    ` ${hashOf(index)} ${index.length} main/binary-amd64/Packages.xz`,
  ];
  files.set(`${folder}/InRelease`, Buffer.from(key.clearsign(`${fields.join("\n")}\n`)));
}

function stanzaOf(one: TestPackage, filename: string): string {
  const depends = one.depends ? `Depends: ${one.depends}\n` : "";
  return `Package: ${one.name}\nVersion: ${one.version}\nArchitecture: ${one.architecture ?? "amd64"}\n${depends}Filename: ${filename}\nSize: ${one.content.length}\nSHA256: ${hashOf(one.content)}\n`;
}

export function debianDate(date: Date): string {
  return date.toUTCString().replace("GMT", "UTC");
}

export function xz(content: string | Buffer): Buffer {
  const { stdout, status } = spawnSync("xz", ["-c", "-0"], { input: content, maxBuffer: 1 << 28 });
  assert.equal(status, 0, "xz");
  return stdout;
}
