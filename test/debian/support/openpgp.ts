import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/**
 * Just enough OpenPGP (RFC 9580, version 4 packets, EdDSALegacy) to sign a test archive, so that a host needs only gpgv. Times are
 * seconds since the epoch.
 */
export interface SigningKey {
  fingerprint: string;
  armored: string;
  /** A clearsigned message. */
  clearsign(text: string, time?: number): string;
}

const ed25519Oid = Buffer.from("092b06010401da470f01", "hex");
const eddsa = 22;
const sha512 = 10;

export function makeKey(
  owner: string,
  options: { created?: number /** Seconds after creation. */; expires?: number } = {},
): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const created = options.created ?? Math.floor(Date.now() / 1000) - 3600;
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const body = Buffer.concat([
    Buffer.from([4]),
    u32(created),
    Buffer.from([eddsa]),
    ed25519Oid,
    mpi(Buffer.concat([Buffer.from([0x40]), point])),
  ]);
  const keyHashed = Buffer.concat([Buffer.from([0x99]), u16(body.length), body]);
  const fingerprint = createHash("sha1").update(keyHashed).digest();
  const user = Buffer.from(owner);
  const userHashed = Buffer.concat([Buffer.from([0xb4]), u32(user.length), user]);
  // Key flags: certify and sign.
  const about = [subpacket(27, Buffer.from([3]))];
  if (options.expires !== undefined) about.push(subpacket(9, u32(options.expires)));
  const seal = (type: number, content: Buffer, time: number, extra: Buffer[] = []): Buffer =>
    signature({ type, content, time, extra, fingerprint, privateKey });
  const certificate = seal(0x13, Buffer.concat([keyHashed, userHashed]), created, about);
  return {
    fingerprint: fingerprint.toString("hex").toUpperCase(),
    armored: armor("PUBLIC KEY BLOCK", Buffer.concat([packet(6, body), packet(13, user), certificate])),
    clearsign: (text, time = Math.floor(Date.now() / 1000)) =>
      clearsign(text, (content) => seal(1, content, time)),
  };
}

function clearsign(text: string, seal: (content: Buffer) => Buffer): string {
  const lines = text.replace(/\n$/, "").split("\n");
  const content = Buffer.from(lines.map((line) => line.trimEnd()).join("\r\n"));
  const shown = lines.map((line) => (line.startsWith("-") ? `- ${line}` : line)).join("\n");
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${shown}\n${armor("SIGNATURE", seal(content))}`;
}

function signature(what: {
  type: number;
  content: Buffer;
  time: number;
  extra: Buffer[];
  fingerprint: Buffer;
  privateKey: KeyObject;
}): Buffer {
  const issuer = subpacket(33, Buffer.concat([Buffer.from([4]), what.fingerprint]));
  const hashed = Buffer.concat([subpacket(2, u32(what.time)), issuer, ...what.extra]);
  const head = Buffer.concat([Buffer.from([4, what.type, eddsa, sha512]), u16(hashed.length), hashed]);
  const trailer = Buffer.concat([Buffer.from([4, 0xff]), u32(head.length)]);
  const digest = createHash("sha512").update(what.content).update(head).update(trailer).digest();
  const raw = sign(null, digest, what.privateKey);
  const unhashed = subpacket(16, what.fingerprint.subarray(-8));
  return packet(
    2,
    Buffer.concat([
      head,
      u16(unhashed.length),
      unhashed,
      digest.subarray(0, 2),
      mpi(raw.subarray(0, 32)),
      mpi(raw.subarray(32)),
    ]),
  );
}

function armor(kind: string, data: Buffer): string {
  const lines = data.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PGP ${kind}-----\n\n${lines.join("\n")}\n=${checksum(data)}\n-----END PGP ${kind}-----\n`;
}

/** CRC-24, optional since RFC 9580, but older versions of gpgv complain without it. */
function checksum(data: Buffer): string {
  let crc = 0xb704ce;
  for (const byte of data) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc & 0x800000 ? 0x1864cfb : 0);
  }
  return Buffer.from([crc >> 16, crc >> 8, crc]).toString("base64");
}

/** New format, four-octet length. */
function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), u32(body.length), body]);
}

function subpacket(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length + 1, type]), body]);
}

function mpi(value: Buffer): Buffer {
  let start = 0;
  while (value[start] === 0) start += 1;
  const trimmed = value.subarray(start);
  const bits = trimmed.length === 0 ? 0 : trimmed.length * 8 - Math.clz32(trimmed[0] ?? 0) + 24;
  return Buffer.concat([u16(bits), trimmed]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
