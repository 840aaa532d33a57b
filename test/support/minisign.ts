import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** Someone who signs as minisign does. */
export class Signer {
  readonly #id = randomBytes(8);
  readonly #keys = generateKeyPairSync("ed25519");

  /** The line of the key file. */
  get publicKey(): string {
    const der = this.#keys.publicKey.export({ type: "spki", format: "der" });
    return Buffer.concat([Buffer.from("Ed"), this.#id, der.subarray(-32)]).toString("base64");
  }

  /** Text of the `.minisig` file. */
  sign(content: Buffer, options: { legacy?: boolean; comment?: string } = {}): string {
    const { legacy = false, comment = "timestamp:1\tfile:catalog.json" } = options;
    const signed = legacy ? content : createHash("blake2b512").update(content).digest();
    const own = sign(null, signed, this.#keys.privateKey);
    const first = Buffer.concat([Buffer.from(legacy ? "Ed" : "ED"), this.#id, own]);
    const second = sign(null, Buffer.concat([own, Buffer.from(comment)]), this.#keys.privateKey);
    const lines = ["untrusted comment: from a test", first.toString("base64"), `trusted comment: ${comment}`];
    return `${[...lines, second.toString("base64")].join("\n")}\n`;
  }
}
