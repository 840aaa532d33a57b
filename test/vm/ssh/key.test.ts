import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isFault } from "../../../src/lib/errors/error.ts";
import { run } from "../../../src/lib/process.ts";
import { generateKey } from "../../../src/vm/ssh/key.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** The fields of RFC 4251 strings, one after the other. */
function fields(bytes: Buffer, count: number): { values: Buffer[]; rest: Buffer } {
  const values: Buffer[] = [];
  let rest = bytes;
  for (let i = 0; i < count; i += 1) {
    const length = rest.readUInt32BE();
    values.push(rest.subarray(4, 4 + length));
    rest = rest.subarray(4 + length);
  }
  return { values, rest };
}

describe("a host key", () => {
  test("is in OpenSSH's format to the byte", () => {
    for (const comment of ["", "a", "root@otter", "x".repeat(50)]) {
      const { privateKey, publicKey } = generateKey(comment);
      const lines = privateKey.split("\n");
      assert.equal(lines[0], "-----BEGIN OPENSSH PRIVATE KEY-----");
      assert.deepEqual(lines.slice(-2), ["-----END OPENSSH PRIVATE KEY-----", ""]);
      assert.ok(lines.slice(1, -3).every((line) => line.length === 70));
      const bytes = Buffer.from(lines.slice(1, -2).join(""), "base64");
      assert.equal(bytes.toString("latin1", 0, 15), "openssh-key-v1\0");
      const { values, rest } = fields(bytes.subarray(15), 3);
      assert.deepEqual(values.map(String), ["none", "none", ""]);
      assert.equal(rest.readUInt32BE(), 1);
      const keys = fields(rest.subarray(4), 2);
      assert.equal(keys.rest.length, 0);
      const [publicBlob = Buffer.alloc(0), secret = Buffer.alloc(0)] = keys.values;
      assert.equal(publicKey, `ssh-ed25519 ${publicBlob.toString("base64")} ${comment}\n`);
      assert.deepEqual(secret.subarray(0, 4), secret.subarray(4, 8));
      assert.equal(secret.length % 8, 0);
      const parts = fields(secret.subarray(8), 4);
      const [name, point, both, said] = parts.values;
      assert.deepEqual([String(name), String(said)], ["ssh-ed25519", comment]);
      assert.deepEqual(both?.subarray(32), point);
      assert.deepEqual(
        [...parts.rest],
        Array.from({ length: parts.rest.length }, (_, i) => i + 1),
      );
      assert.ok(parts.rest.length < 8);
    }
  });

  test("has a public half that belongs to its private one", async () => {
    const { sign, createPrivateKey } = await import("node:crypto");
    const { privateKey, publicKey } = generateKey("c");
    const bytes = Buffer.from(privateKey.split("\n").slice(1, -2).join(""), "base64");
    const [, secret = Buffer.alloc(0)] = fields(fields(bytes.subarray(15), 3).rest.subarray(4), 2).values;
    const [, point, both] = fields(secret.subarray(8), 3).values;
    const jwk = { kty: "OKP", crv: "Ed25519", x: point?.toString("base64url") ?? "" };
    const d = both?.subarray(0, 32).toString("base64url") ?? "";
    const signature = sign(
      null,
      Buffer.from("text"),
      createPrivateKey({ key: { ...jwk, d }, format: "jwk" }),
    );
    const known = fields(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"), 2).values[1];
    const key = createPublicKey({ key: { ...jwk, x: known?.toString("base64url") ?? "" }, format: "jwk" });
    assert.equal(verify(null, Buffer.from("text"), key, signature), true);
  });

  test("is a new one each time", () => {
    assert.notEqual(generateKey("a").privateKey, generateKey("a").privateKey);
  });

  test("is read by ssh-keygen, where there is one", async (context) => {
    const path = join(temporaryDirectory(context), "key");
    const { privateKey, publicKey } = generateKey("root@otter");
    writeFileSync(path, privateKey);
    chmodSync(path, 0o600);
    try {
      const result = await run("ssh-keygen", ["-y", "-f", path], { timeout: 10_000 });
      assert.equal(result.stdout.trim(), publicKey.trim());
    } catch (error) {
      if (!isFault(error, "tool_missing")) throw error;
      context.skip("ssh-keygen is not installed");
    }
  });
});
