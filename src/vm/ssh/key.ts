import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";

export interface KeyPair {
  /** The private file: OpenSSH's own format. */
  privateKey: string;
  /** The public file: one line. */
  publicKey: string;
}

const algorithm = "ssh-ed25519";

/** A new Ed25519 key in OpenSSH's own format (openssh-key-v1, PROTOCOL.key in its source), without a passphrase. */
export function generateKey(comment: string): KeyPair {
  const pair = generateKeyPairSync("ed25519");
  const seed = rawPart(pair.privateKey, "d");
  const point = rawPart(pair.publicKey, "x");
  const publicBlob = Buffer.concat([text(algorithm), field(point)]);
  const container = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    text("none"), // cipher
    text("none"), // key derivation
    text(""), // its options
    uint32(1), // number of keys
    field(publicBlob),
    field(padded(privateSection(seed, point, comment))),
  ]);
  return {
    privateKey: armoured(container),
    publicKey: `${algorithm} ${publicBlob.toString("base64")} ${comment}\n`,
  };
}

/** A pair from its files, `path` and `path.pub`; undefined unless both are there. */
export async function readKeyPair(path: string): Promise<KeyPair | undefined> {
  try {
    return {
      privateKey: await readFile(path, "utf8"),
      publicKey: await readFile(`${path}.pub`, "utf8"),
    };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskFault(error, path, "reading a key");
  }
}

/** Twice the same random number, by which a wrong passphrase would be noticed, then the key. */
function privateSection(seed: Buffer, point: Buffer, comment: string): Buffer {
  const check = randomBytes(4);
  return Buffer.concat([
    check,
    check,
    text(algorithm),
    field(point),
    field(Buffer.concat([seed, point])),
    text(comment),
  ]);
}

/** To a multiple of 8 bytes with 1, 2, 3 and so on. */
function padded(section: Buffer): Buffer {
  const missing = (8 - (section.length % 8)) % 8;
  return Buffer.concat([section, Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))]);
}

function armoured(content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}

/** The 32 bytes of a key as RFC 8037 names them. */
function rawPart(key: KeyObject, part: "d" | "x"): Buffer {
  return Buffer.from(String(key.export({ format: "jwk" })[part]), "base64url");
}

function text(value: string): Buffer {
  return field(Buffer.from(value));
}

function field(value: Buffer): Buffer {
  return Buffer.concat([uint32(value.length), value]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
