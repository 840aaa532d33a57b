import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { debianKeys, writeKeyring } from "../../src/debian/keyring.ts";
import { verifyClearsigned } from "../../src/debian/signature.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { makeKey, type SigningKey } from "./support/openpgp.ts";

const url = "http://mirror/dists/x/InRelease";
const text = "Origin: Debian\nCodename: x\n\n- a dash\nend\n";
const key = makeKey("Tester <t@example.org>");
const other = makeKey("Somebody <s@example.org>");

async function check(
  t: Parameters<typeof temporaryDirectory>[0],
  content: string | Buffer,
  keys: SigningKey[] = [key],
  trusted: SigningKey[] = keys,
): Promise<string> {
  const pinned = keys.map((one) => ({ ...one, owner: "Tester" }));
  const keyring = await writeKeyring(pinned, temporaryDirectory(t));
  const fingerprints = trusted.map((one) => one.fingerprint);
  const { signal } = new AbortController();
  return await verifyClearsigned({ url, content: Buffer.from(content) }, { keyring, fingerprints, signal });
}

describe("a clearsigned file", () => {
  test("gives the text that is signed", async (t) => {
    assert.equal(await check(t, key.clearsign(text)), text);
  });

  test("gives nothing of what stands around the signed text", async (t) => {
    const content = `Evil: before\n\n${key.clearsign(text)}\nEvil: after\n`;
    assert.equal(await check(t, content), text);
  });

  test("that was changed is refused", async (t) => {
    await rejectsWith(
      check(t, key.clearsign(text).replace("Codename: x", "Codename: y")),
      "archive_bad_signature",
      `the signature of "${url}" is not good: the content was changed after Tester <t@example.org> signed it`,
    );
  });

  test("of an unknown key is refused", async (t) => {
    const id = other.fingerprint.slice(-16);
    await rejectsWith(
      check(t, other.clearsign(text)),
      "archive_bad_signature",
      `the signature of "${url}" is not good: key ${id} is not one of Debian's`,
    );
  });

  test("of a key that is in the keyring but not trusted is refused", async (t) => {
    await rejectsWith(
      check(t, other.clearsign(text), [key, other], [key]),
      "archive_bad_signature",
      `the signature of "${url}" is not good: no signature of a trusted key`,
    );
  });

  test("of an expired key is refused", async (t) => {
    const now = Math.floor(Date.now() / 1000);
    const expired = makeKey("Old <o@example.org>", { created: now - 7200, expires: 3600 });
    const id = expired.fingerprint.slice(-16);
    await rejectsWith(
      check(t, expired.clearsign(text, now - 5000), [expired]),
      "archive_bad_signature",
      `the signature of "${url}" is not good: key ${id} has expired`,
    );
  });

  test("that is not signed at all is refused", async (t) => {
    for (const content of [text, "", "\0\x01\x02", "<html>Please log in</html>"]) {
      await rejectsWith(
        check(t, content),
        "archive_bad_signature",
        `the signature of "${url}" is not good: it is not signed`,
      );
    }
  });

  test("whose signature is cut off is refused", async (t) => {
    const whole = key.clearsign(text);
    await rejectsWith(
      check(t, whole.slice(0, whole.indexOf("-----BEGIN PGP SIGNATURE"))),
      "archive_bad_signature",
    );
    await rejectsWith(check(t, whole.slice(0, -60)), "archive_bad_signature");
  });

  test("never passes with any one bit of its text changed", async (t) => {
    const whole = Buffer.from(key.clearsign(text));
    const start = whole.indexOf("Origin");
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 2), fc.nat(6), async (at, bit) => {
        const changed = Buffer.from(whole);
        changed.writeUInt8(changed.readUInt8(start + at) ^ (1 << bit), start + at);
        // The line ends are the only bytes that OpenPGP reads more than one way.
        const result = await check(t, changed).catch(() => undefined);
        assert.ok(result === undefined || result === text, changed.toString());
      }),
      { numRuns: 12 },
    );
  });
});

describe("the keyring", () => {
  test("is written once and reused", async (t) => {
    const folder = temporaryDirectory(t);
    const pinned = [{ ...key, owner: "Tester" }];
    const path = await writeKeyring(pinned, folder);
    assert.equal(await writeKeyring(pinned, folder), path);
    assert.equal(readdirSync(folder).length, 1);
  });

  test("that comes with banger holds six keys of two releases", () => {
    assert.deepEqual(
      debianKeys.map((one) => `${one.fingerprint} ${one.owner}`),
      [
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8 Debian Archive Automatic Signing Key (12/bookworm)",
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0 Debian Security Archive Automatic Signing Key (12/bookworm)",
        "4D64FEC119C2029067D6E791F8D2585B8783D481 Debian Stable Release Key (12/bookworm)",
        "04B54C3CDCA79751B16BC6B5225629DF75B188BD Debian Archive Automatic Signing Key (13/trixie)",
        "5E04A1E3223A19A20706E20F9904613D4CCE68C6 Debian Security Archive Automatic Signing Key (13/trixie)",
        "41587F7DB8C774BCCF131416762F67A0B2C39DE4 Debian Stable Release Key (13/trixie)",
      ],
    );
  });
});
