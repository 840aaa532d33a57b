import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkMinisign, parseMinisignKey } from "../../src/lib/minisign.ts";
import { Signer } from "../support/minisign.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const oracle = spawnSync("minisign", ["-v"]).status !== null;
const content = Buffer.from("a catalog");

function keyOf(text: string) {
  const key = parseMinisignKey(text);
  assert.ok(key);
  return key;
}

describe("a signature", () => {
  test("of either kind is taken", () => {
    const signer = new Signer();
    for (const legacy of [true, false]) {
      assert.equal(
        checkMinisign(content, signer.sign(content, { legacy }), keyOf(signer.publicKey)),
        undefined,
      );
    }
  });

  test("is refused for other content, by another key, and with a changed comment", () => {
    const signer = new Signer();
    const key = keyOf(signer.publicKey);
    const signature = signer.sign(content);
    assert.equal(checkMinisign(Buffer.from("other"), signature, key), "it is not that of this content");
    assert.match(
      checkMinisign(content, signature, keyOf(new Signer().publicKey)) ?? "",
      /^it was made with the key [0-9A-F]{16}, not with [0-9A-F]{16}$/,
    );
    const changed = signature.replace("timestamp:1", "timestamp:2");
    assert.equal(checkMinisign(content, changed, key), "its trusted comment was changed");
    const strange = Buffer.from(signature.split("\n")[1] ?? "", "base64");
    strange.write("XX");
    const unknown = signature.split("\n").with(1, strange.toString("base64")).join("\n");
    assert.equal(checkMinisign(content, unknown, key), "it is made in a way that is not known");
    for (const nothing of [
      "",
      "untrusted comment: a\n",
      signature.split("\n").slice(0, 2).join("\n"),
      "-----BEGIN PGP",
    ]) {
      assert.equal(checkMinisign(content, nothing, key), "it is no signature of minisign");
    }
  });

  test("that was changed in any byte that is signed is refused", () => {
    const signer = new Signer();
    const key = keyOf(signer.publicKey);
    const signature = signer.sign(content);
    const start = signature.indexOf("\n") + 1;
    fc.assert(
      fc.property(
        fc.integer({ min: start, max: signature.length - 2 }),
        fc.constantFrom(..."AZaz09+/"),
        (at, to) => {
          const changed = signature.slice(0, at) + to + signature.slice(at + 1);
          fc.pre(changed !== signature && decoded(changed) !== decoded(signature));
          assert.notEqual(checkMinisign(content, changed, key), undefined);
        },
      ),
    );
  });

  test("of the minisign program is taken, and the program takes ours", { skip: !oracle }, (t) => {
    const directory = temporaryDirectory(t);
    const run = (...args: string[]) => execFileSync("minisign", args, { cwd: directory, stdio: "pipe" });
    writeFileSync(join(directory, "f"), content);
    run("-G", "-W", "-p", "pub", "-s", "sec");
    const [, publicKey = ""] = readFileSync(join(directory, "pub"), "utf8").split("\n");
    for (const kind of [["-H"], ["-l"]]) {
      const made = spawnSync("minisign", ["-S", ...kind, "-s", "sec", "-m", "f"], { cwd: directory });
      assert.equal(made.status, 0, String(made.stderr));
      const signature = readFileSync(join(directory, "f.minisig"), "utf8");
      assert.equal(checkMinisign(content, signature, keyOf(publicKey)), undefined);
      assert.notEqual(checkMinisign(Buffer.from("other"), signature, keyOf(publicKey)), undefined);
    }
    const signer = new Signer();
    for (const legacy of [true, false]) {
      writeFileSync(join(directory, "f.minisig"), signer.sign(content, { legacy }));
      run("-V", "-P", signer.publicKey, "-m", "f");
    }
  });
});

/** What the lines mean: the last bits of base64 may be anything. */
function decoded(text: string): string {
  const lines = text.split("\n");
  return [1, 3].map((at) => Buffer.from(lines[at] ?? "", "base64").toString("hex")).join(lines[2]);
}

test("a text that is no public key is none", () => {
  for (const text of [
    "",
    "RWQ",
    "untrusted comment: x",
    new Signer().publicKey.replace("RW", "QQ"),
    "A".repeat(60),
  ]) {
    assert.equal(parseMinisignKey(text), undefined);
  }
});
