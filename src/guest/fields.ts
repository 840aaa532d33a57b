import { printable } from "./printable.ts";
import { violation } from "./violation.ts";

/** `u16 tag, u16 zero, u32 length`, little-endian, before the bytes of each field. */
const fieldHeaderSize = 8;

/** Collects the fields of a payload, in the order in which they are added. */
export class FieldWriter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  bytes(tag: number, value: Uint8Array): this {
    const header = Buffer.allocUnsafe(fieldHeaderSize);
    header.writeUInt16LE(tag, 0);
    header.writeUInt16LE(0, 2);
    header.writeUInt32LE(value.length, 4);
    this.#parts.push(header, value);
    this.#size += fieldHeaderSize + value.length;
    return this;
  }

  text(tag: number, value: string | Uint8Array | undefined): this {
    if (value === undefined) return this;
    return this.bytes(tag, typeof value === "string" ? Buffer.from(value) : value);
  }

  u32(tag: number, value: number | undefined): this {
    if (value === undefined) return this;
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(value, 0);
    return this.bytes(tag, bytes);
  }

  u64(tag: number, value: bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64LE(value, 0);
    return this.bytes(tag, bytes);
  }

  get size(): number {
    return this.#size;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#size);
  }
}

/** The fields of a payload that an agent sent. Where a tag is repeated its last field counts. */
export class Fields {
  readonly #values = new Map<number, Buffer>();
  readonly #entries: [tag: number, value: Buffer][] = [];
  readonly #frame: string;

  /** @throws guest_protocol when the payload is no sequence of fields; `frame` names it */
  constructor(payload: Buffer, frame: string) {
    this.#frame = frame;
    let at = 0;
    while (at < payload.length) {
      if (payload.length - at < fieldHeaderSize) throw violation(`${frame} that ends inside a field`);
      const tag = payload.readUInt16LE(at);
      const length = payload.readUInt32LE(at + 4);
      if (payload.readUInt16LE(at + 2) !== 0) throw violation(`${frame} with a malformed field ${tag}`);
      at += fieldHeaderSize;
      if (length > payload.length - at) throw violation(`${frame} whose field ${tag} runs past it`);
      const value = payload.subarray(at, at + length);
      this.#values.set(tag, value);
      this.#entries.push([tag, value]);
      at += length;
    }
  }

  bytes(tag: number): Buffer | undefined {
    return this.#values.get(tag);
  }

  /** Every value of a repeated tag. */
  every(tag: number): Buffer[] {
    return this.#entries.filter(([one]) => one === tag).map(([, value]) => value);
  }

  /** Text of the guest, made safe to print. */
  text(tag: number): string | undefined {
    const value = this.#values.get(tag);
    return value && printable(value);
  }

  /** @throws guest_protocol when the field has another size */
  u32(tag: number): number | undefined {
    return this.#sized(tag, 4)?.readUInt32LE(0);
  }

  /** @throws guest_protocol when the field has another size */
  u64(tag: number): bigint | undefined {
    return this.#sized(tag, 8)?.readBigUInt64LE(0);
  }

  /** @throws guest_protocol also when the field is missing */
  requireU32(tag: number): number {
    return this.u32(tag) ?? this.#missing(tag);
  }

  /** @throws guest_protocol also when the field is missing */
  requireU64(tag: number): bigint {
    return this.u64(tag) ?? this.#missing(tag);
  }

  /** @throws guest_protocol when the field is missing */
  requireText(tag: number): string {
    return this.text(tag) ?? this.#missing(tag);
  }

  #sized(tag: number, size: number): Buffer | undefined {
    const value = this.#values.get(tag);
    if (value && value.length !== size) {
      throw violation(`${this.#frame} whose field ${tag} has ${value.length} bytes instead of ${size}`);
    }
    return value;
  }

  #missing(tag: number): never {
    throw violation(`${this.#frame} without field ${tag}`);
  }
}
