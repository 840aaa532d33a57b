import { show } from "../../lib/errors/define.ts";
import { malformed } from "./malformed.ts";

/** Records of an extended header: keyword (one character per byte) to value. An empty value undoes a global record. */
export type PaxRecords = Map<string, Buffer>;

const newline = 0x0a;
const zero = 0x30;

/**
 * Reads the records of an extended header, each "LENGTH KEYWORD=VALUE\n" where LENGTH counts the whole record (POSIX
 * pax). The repeated keywords of GNU's sparse format 0.0 become the one of 0.1: `GNU.sparse.map`.
 *
 * @throws archive_invalid
 */
export function parsePax(data: Buffer, at: number): PaxRecords {
  const records: PaxRecords = new Map();
  const sparse: string[] = [];
  for (let start = 0; start < data.length; ) {
    const { key, value, end } = parseRecord(data, start, at);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      if ((sparse.length % 2 === 0) !== (key === "GNU.sparse.offset")) {
        throw malformed(at, "an extended header has sparse offsets and lengths out of order");
      }
      sparse.push(value.toString("latin1"));
    } else {
      records.set(key, value);
    }
    start = end;
  }
  if (sparse.length > 0) records.set("GNU.sparse.map", Buffer.from(sparse.join(","), "latin1"));
  return records;
}

/** The bytes of one record. Its length counts its own digits, which is why it is looked for. */
export function formatPaxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), value, Buffer.from("\n")]);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** @throws archive_invalid unless it is a decimal number from 0 to 2^53 */
export function parseDecimal(text: string, what: string, at: number): number {
  const value = /^\d{1,19}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw malformed(at, `the ${what} is ${show(text)}, not a number`);
  return value;
}

/** Reads seconds since the epoch with a fraction, such as "-1.5". @throws archive_invalid */
export function parsePaxTime(text: string, at: number): { seconds: number; nanoseconds: number } {
  const match = /^(-?)(\d{1,16})(?:\.(\d*))?$/.exec(text);
  const whole = Number(match?.[2]);
  if (!match || !Number.isSafeInteger(whole)) {
    throw malformed(at, `the mtime is ${show(text)}, not a number of seconds`);
  }
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (!match[1]) return { seconds: whole, nanoseconds: fraction };
  if (fraction === 0) return { seconds: 0 - whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1e9 - fraction };
}

export function formatPaxTime({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): string {
  const isBefore = seconds < 0 && nanoseconds > 0;
  const whole = isBefore ? -(seconds + 1) : Math.abs(seconds);
  const fraction = isBefore ? 1e9 - nanoseconds : nanoseconds;
  const digits = fraction === 0 ? "" : `.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
  return `${seconds < 0 ? "-" : ""}${whole}${digits}`;
}

function parseRecord(data: Buffer, start: number, at: number): { key: string; value: Buffer; end: number } {
  let position = start;
  let length = 0;
  for (; position < data.length && position - start < 10; position += 1) {
    const digit = (data[position] as number) - zero;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  const end = start + length;
  const equals = data.indexOf("=", position);
  const isWhole =
    position > start && data[position] === 0x20 && end <= data.length && data[end - 1] === newline;
  if (!isWhole || equals <= position + 1 || equals >= end - 1) {
    throw malformed(at, `an extended header has a malformed record at its byte ${start}`);
  }
  return {
    key: data.toString("latin1", position + 1, equals),
    value: Buffer.from(data.subarray(equals + 1, end - 1)),
    end,
  };
}
