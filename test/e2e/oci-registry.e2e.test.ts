import assert from "node:assert/strict";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { file } from "../archive/support.ts";
import { makeImage, writeLayout } from "../image/oci/support/image.ts";
import { serve } from "../support/http-server.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { TestHost } from "./support/host.ts";
import { certify, freePort, push, startRegistry, withoutRegistry } from "./support/registry.ts";

let layout = "";
before(async (t) => {
  layout = temporaryDirectory(t as TestContext);
  writeLayout(
    layout,
    "it",
    await makeImage([[file("etc/os-release", "ID=tiny\n")], [file("hello", "there")]]),
  );
});

const login = Buffer.from("ada:secret").toString("base64");
const credentials = ["--dest-creds", "ada:secret"];

/** Puts Docker's configuration where a user has it. */
function dockerConfig(host: TestHost, config: object): void {
  mkdirSync(join(host.home, ".docker"), { recursive: true });
  writeFileSync(join(host.home, ".docker", "config.json"), JSON.stringify(config));
}

describe("a private registry", { skip: withoutRegistry }, () => {
  test("gives an image to who has a login, from the file or a helper, and to nobody else", async (t) => {
    const registry = await startRegistry(t, { basic: true });
    await push(layout, "it", `${registry}/team/dev:1`, credentials);
    await using host = new TestHost({ state: "own" });
    const programs = join(host.home, "bin");
    mkdirSync(programs);
    host.env.PATH = `${programs}:${host.env.PATH}`;
    const pull = (name: string): ReturnType<TestHost["run"]> =>
      host.run(["image", "pull", `${registry}/team/dev:1`, "--name", name]);
    const refused = await pull("a");
    assert.equal(refused.status, 1);
    assert.match(refused.err, /does not give out "team\/dev": it wants a login, and there is none for it/);
    dockerConfig(host, { auths: { [registry]: { auth: Buffer.from("ada:wrong").toString("base64") } } });
    assert.match((await pull("a")).err, /HTTP 401 Unauthorized/);
    dockerConfig(host, { auths: { [registry]: { auth: login } } });
    assert.equal((await pull("a")).status, 0);
    const helper = `#!/bin/sh\nread name\n[ "$1 $name" = "get ${registry}" ] && echo '{"Username":"ada","Secret":"secret"}'\n`;
    writeFileSync(join(programs, "docker-credential-test"), helper, { mode: 0o755 });
    dockerConfig(host, { credHelpers: { [registry]: "test" } });
    const helped = await pull("b");
    assert.equal(helped.status, 0, helped.err);
    const elsewhere = join(host.home, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "config.json"), JSON.stringify({ auths: { [registry]: { auth: login } } }));
    dockerConfig(host, {});
    await host.ok(["daemon", "stop"]);
    host.env.DOCKER_CONFIG = elsewhere;
    const configured = await pull("c");
    assert.equal(configured.status, 0, configured.err);
    assert.doesNotMatch(refused.err + helped.err + configured.err, /secret/);
  });

  test("with a certificate of one's own is trusted by NODE_EXTRA_CA_CERTS alone", async (t) => {
    const tls = certify(temporaryDirectory(t), "registry");
    const registry = await startRegistry(t, { tls, basic: true });
    await push(layout, "it", `${registry}/team/dev:1`, credentials);
    await using host = new TestHost({ state: "own" });
    dockerConfig(host, { auths: { [registry]: { auth: login } } });
    const pull = ["image", "pull", `${registry}/team/dev:1`, "--name", "a"];
    const refused = await host.run([...pull, "--insecure"]);
    assert.equal(refused.status, 1);
    assert.match(refused.err, /cannot be used: .*certificate/);
    await host.ok(["daemon", "stop"]);
    host.env.NODE_EXTRA_CA_CERTS = tls.authority;
    const trusted = await host.run(pull);
    assert.equal(trusted.status, 0, trusted.err);
  });

  test("gives an image for a token of its token server", async (t) => {
    const keys = certify(temporaryDirectory(t), "tokens");
    const asked: [string | undefined, string | undefined][] = [];
    const tokens = await serve(t, (request, response) => {
      asked.push([request.url, request.headers.authorization]);
      if (request.headers.authorization !== `Basic ${login}`) return void response.writeHead(401).end();
      const actions = request.url?.includes("push") ? ["pull", "push"] : ["pull"];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ token: tokenOf(keys, actions) }));
    });
    const registry = await startRegistry(t, {
      tokens: { realm: `${tokens.url}/token`, rootCertificate: keys.authority },
    });
    await push(layout, "it", `${registry}/team/dev:1`, credentials);
    await using host = new TestHost({ state: "own" });
    const pull = ["image", "pull", `${registry}/team/dev:1`, "--name", "a"];
    assert.match((await host.run(pull)).err, /does not give out "team\/dev": HTTP 401 Unauthorized/);
    dockerConfig(host, { auths: { [registry]: { auth: login } } });
    asked.length = 0;
    const pulled = await host.run(pull);
    assert.equal(pulled.status, 0, pulled.err);
    assert.deepEqual(asked, [["/token?service=here&scope=repository%3Ateam%2Fdev%3Apull", `Basic ${login}`]]);
  });
});

describe("a registry", { skip: withoutRegistry }, () => {
  test("that is gone does not matter to an image that is local, and is named for one that is not", async (t) => {
    await using host = new TestHost({ state: "own" });
    const registry = await startRegistry(t);
    await push(layout, "it", `${registry}/team/dev:1`);
    const reference = `${registry}/team/dev:1`;
    await host.ok(["image", "pull", reference]);
    const again = await host.run(["image", "pull", reference]);
    assert.equal(again.status, 1);
    assert.match(again.err, /exists/);
    const absent = await host.run(["image", "pull", `${registry}/team/absent:1`]);
    assert.match(absent.err, /has no "127\.0\.0\.1:\d+\/team\/absent:1"/);
    const nowhere = await host.run(["image", "pull", `127.0.0.1:${await freePort()}/team/dev:1`]);
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.err, /cannot be used: connection refused/);
    assert.match(await host.ok(["image", "list"]), /team\/dev:1/);
  });

  test("has images for other processors, which are named", async (t) => {
    await using host = new TestHost({ state: "own" });
    const registry = await startRegistry(t);
    const arm = temporaryDirectory(t);
    writeLayout(arm, "arm", await makeImage([[file("a")]], { architecture: "arm64" }));
    await push(arm, "arm", `${registry}/team/dev:arm`);
    const refused = await host.run(["image", "pull", `${registry}/team/dev:arm`]);
    assert.match(refused.err, /has no variant for linux\/amd64; on offer: linux\/arm64/);
    const unusable = await host.run([
      "image",
      "pull",
      `${registry}/team/dev:arm`,
      "--platform",
      "linux/arm64",
    ]);
    assert.match(unusable.err, /an image for linux\/arm64/);
  });
});

/** A token as the distribution project's specification has it: signed, with the certificate that vouches for the key. */
function tokenOf({ certificate, key }: { certificate: string; key: string }, actions: string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const x5c = [new X509Certificate(readFileSync(certificate)).raw.toString("base64")];
  const claims = {
    iss: "issuer",
    aud: "here",
    sub: "ada",
    iat: now - 10,
    nbf: now - 10,
    exp: now + 300,
    jti: "1",
    access: [{ type: "repository", name: "team/dev", actions }],
  };
  const text = `${encode({ typ: "JWT", alg: "ES256", x5c })}.${encode(claims)}`;
  const privateKey = { key: createPrivateKey(readFileSync(key)), dsaEncoding: "ieee-p1363" as const };
  return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
}
