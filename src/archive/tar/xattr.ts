import type { PaxRecords } from "./pax.ts";

/** Star's and GNU tar's keyword: the value is the bytes themselves. */
const schily = "SCHILY.xattr.";
/** bsdtar's second copy of the same: percent-encoded name, base 64 value. */
const libarchive = "LIBARCHIVE.xattr.";

/** The extended attributes in the records; later sets of records overrule earlier ones. An empty value is a value. */
export function xattrsOf(...sets: PaxRecords[]): Map<string, Buffer> {
  const encoded = new Map<string, Buffer>();
  const exact = new Map<string, Buffer>();
  for (const records of sets) {
    for (const [key, value] of records) {
      if (key.startsWith(schily)) {
        exact.set(decodeEqualsSigns(key.slice(schily.length)), value);
      } else if (key.startsWith(libarchive)) {
        const name = decodePercent(key.slice(libarchive.length));
        encoded.set(name, Buffer.from(value.toString("latin1"), "base64"));
      }
    }
  }
  return new Map([...encoded, ...exact]);
}

/** A keyword ends at its first "=", so GNU tar writes one inside a name as "%3D", and "%" as "%25". */
export function xattrKeyword(name: string): string {
  return schily + name.replaceAll("%", "%25").replaceAll("=", "%3D");
}

function decodeEqualsSigns(name: string): string {
  return name.replaceAll("%3D", "=").replaceAll("%25", "%");
}

function decodePercent(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
