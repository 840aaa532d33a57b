import { show } from "../../lib/errors/define.ts";
import { malformed } from "./malformed.ts";

const zero = 0x30;
const seven = 0x37;
const space = 0x20;

/**
 * A number of a ustar header: octal digits, with spaces before and a space or NUL after them, or blank for 0; or, when
 * the first bit is set, GNU's base 256 (big-endian two's complement without that bit).
 *
 * @throws archive_invalid
 */
export function parseNumber(block: Buffer, start: number, length: number, what: string, at: number): number {
  const end = start + length;
  const first = block[start] ?? 0;
  if (first & 0x80) return parseBase256(block.subarray(start, end), what, at);
  let position = start;
  while (position < end && block[position] === space) position += 1;
  let value = 0;
  let digit = block[position] ?? 0;
  while (position < end && digit >= zero && digit <= seven) {
    value = value * 8 + (digit - zero);
    position += 1;
    digit = block[position] ?? 0;
  }
  while (position < end && (block[position] === space || block[position] === 0)) position += 1;
  if (position < end) {
    throw malformed(at, `the ${what} is ${show(block.toString("latin1", start, end))}, not an octal number`);
  }
  return value;
}

/** Octal digits and a NUL; undefined if the field is too short for the number. */
export function formatOctal(value: number, length: number): string | undefined {
  const digits = value.toString(8);
  if (value < 0 || digits.length >= length) return undefined;
  return `${digits.padStart(length - 1, "0")}\0`;
}

function parseBase256(field: Buffer, what: string, at: number): number {
  const bits = BigInt(field.length * 8 - 1);
  const magnitude = BigInt(`0x${field.toString("hex")}`) & ((1n << bits) - 1n);
  const value = Number(BigInt.asIntN(Number(bits), magnitude));
  if (!Number.isSafeInteger(value)) throw malformed(at, `the ${what} is beyond 2^53`);
  return value;
}
