import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { temporaryDirectory } from "../../support/temporary.ts";

const missing = [
  "/usr/bin/docker-registry",
  "/usr/bin/skopeo",
  "/usr/bin/umoci",
  "/bin/busybox",
  "/usr/bin/openssl",
].filter((path) => !existsSync(path));
/** Why tests with a registry cannot run here. */
export const withoutRegistry = missing.length > 0 && `not installed: ${missing.join(", ")}`;

/** The user "ada" with the password "secret", as htpasswd -B writes it. */
const passwords = "ada:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

export interface RegistryKind {
  /** A login by name and password. */
  basic?: boolean;
  /** A login by tokens of this server, which `rootCertificate` has signed for. */
  tokens?: { realm: string; rootCertificate: string };
  /** Certificate and key. */
  tls?: { certificate: string; key: string };
}

/** A real registry on loopback that ends with the test. @returns its host and port */
export async function startRegistry(
  t: TestContext,
  { basic, tokens, tls }: RegistryKind = {},
): Promise<string> {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const passwordFile = join(directory, "htpasswd");
  writeFileSync(passwordFile, passwords);
  const settings = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: directory } },
    http: { addr: `127.0.0.1:${port}`, ...(tls ? { tls } : {}) },
    ...(basic ? { auth: { htpasswd: { realm: "here", path: passwordFile } } } : {}),
    ...(tokens
      ? {
          auth: {
            token: {
              realm: tokens.realm,
              service: "here",
              issuer: "issuer",
              rootcertbundle: tokens.rootCertificate,
            },
          },
        }
      : {}),
  };
  // YAML takes JSON.
  writeFileSync(join(directory, "config.yml"), JSON.stringify(settings));
  const child = spawn("/usr/bin/docker-registry", ["serve", join(directory, "config.yml")], {
    stdio: "ignore",
  });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
  });
  await listening(port);
  return `127.0.0.1:${port}`;
}

/** Puts an image of a layout into a registry. */
export async function push(
  layout: string,
  tag: string,
  reference: string,
  options: readonly string[] = [],
): Promise<void> {
  const args = [
    "copy",
    "--dest-tls-verify=false",
    ...options,
    `oci:${layout}:${tag}`,
    `docker://${reference}`,
  ];
  await promisify(execFile)("skopeo", args, { timeout: 60_000 });
}

/** A certificate authority of the test's own, and what it has certified. */
export function certify(
  directory: string,
  name: string,
): { authority: string; certificate: string; key: string } {
  const at = (file: string): string => join(directory, file);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const fresh = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    ...fresh,
    "-x509",
    "-days",
    "2",
    "-subj",
    "/CN=Test CA",
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
  );
  openssl(...fresh, "-subj", `/CN=${name}`, "-keyout", at("key.pem"), "-out", at("request.pem"));
  writeFileSync(at("extensions"), "subjectAltName=IP:127.0.0.1\n");
  const signed = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
  openssl(
    "x509",
    "-req",
    "-in",
    at("request.pem"),
    ...signed,
    "-extfile",
    at("extensions"),
    "-out",
    at("cert.pem"),
  );
  return { authority: at("ca.pem"), certificate: at("cert.pem"), key: at("key.pem") };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address && typeof address === "object");
  return address.port;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // Whatever it answers, with or without TLS.
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("the registry does not start");
}
