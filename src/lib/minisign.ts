import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";

/** A public key of minisign (https://jedisct1.github.io/minisign/): 8 bytes that name it, and the Ed25519 key. */
export interface MinisignKey {
  id: Buffer;
  key: KeyObject;
}

/** What comes before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
const keyLength = 42;
const signatureLength = 74;
const trustedPrefix = "trusted comment: ";

/** @param text the base64 line of a key file. @returns undefined when it is no key */
export function parseMinisignKey(text: string): MinisignKey | undefined {
  const bytes = decode(text, keyLength);
  if (bytes?.toString("latin1", 0, 2) !== "Ed") return undefined;
  const der = Buffer.concat([spkiPrefix, bytes.subarray(10)]);
  return { id: bytes.subarray(2, 10), key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

/**
 * Checks a detached signature, of either kind: over the content (`Ed`) or over its BLAKE2b-512 hash (`ED`), and the one over the
 * trusted comment.
 *
 * @param signature text of the `.minisig` file
 * @returns what is wrong with it; undefined when it is right
 */
export function checkMinisign(
  content: Buffer,
  signature: string,
  { id, key }: MinisignKey,
): string | undefined {
  const [untrusted = "", first = "", trusted = "", second = ""] = signature
    .split("\n")
    .map((line) => line.trimEnd());
  const bytes = decode(first, signatureLength);
  const global = decode(second, 64);
  if (
    !untrusted.startsWith("untrusted comment: ") ||
    !trusted.startsWith(trustedPrefix) ||
    !bytes ||
    !global
  ) {
    return "it is no signature of minisign";
  }
  const algorithm = bytes.toString("latin1", 0, 2);
  if (algorithm !== "Ed" && algorithm !== "ED") return "it is made in a way that is not known";
  if (!bytes.subarray(2, 10).equals(id)) {
    return `it was made with the key ${nameOf(bytes.subarray(2, 10))}, not with ${nameOf(id)}`;
  }
  const own = bytes.subarray(10);
  const signed = algorithm === "ED" ? createHash("blake2b512").update(content).digest() : content;
  if (!verify(null, signed, key, own)) return "it is not that of this content";
  const comment = Buffer.from(trusted.slice(trustedPrefix.length));
  if (!verify(null, Buffer.concat([own, comment]), key, global)) return "its trusted comment was changed";
  return undefined;
}

/** As minisign prints it: the number that the bytes are, lowest first. */
function nameOf(id: Buffer): string {
  return Buffer.from(id).reverse().toString("hex").toUpperCase();
}

function decode(text: string, length: number): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === length ? bytes : undefined;
}
