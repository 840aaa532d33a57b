import { gunzipSync } from "node:zlib";

export interface Scanned {
  /** `uname -r`, from the banner that the kernel prints first. */
  release?: string | undefined;
  /** The configuration that a kernel has in it with IKCONFIG. */
  config?: string | undefined;
}

/** What surrounds the compressed configuration (kernel/configs.c of the kernel). */
const configStart = Buffer.from("IKCFG_ST");
const configEnd = Buffer.from("IKCFG_ED");
const packedConfigLimit = 1024 * 1024;
const configLimit = 16 * 1024 * 1024;
const banner = Buffer.from("Linux version ");
/** Bytes of one piece that are looked at again with the next: more than any banner's beginning. */
const overlap = 128;

/** Looks through an uncompressed kernel for what it says of itself. */
export async function scanKernel(source: AsyncIterable<Buffer>): Promise<Scanned> {
  const found: Scanned = {};
  let rest: Buffer = Buffer.alloc(0);
  let packed: Buffer[] | undefined;
  let size = 0;
  for await (const piece of source) {
    const text = Buffer.concat([rest, piece]);
    found.release ??= releaseIn(text);
    if (packed) {
      packed.push(piece);
      size += piece.length;
    } else {
      const start = text.indexOf(configStart);
      if (start !== -1 && found.config === undefined) packed = [text.subarray(start + configStart.length)];
    }
    if (packed) {
      const whole: Buffer = Buffer.concat(packed);
      const end = whole.indexOf(configEnd);
      if (end !== -1) found.config = unpack(whole.subarray(0, end)) ?? "";
      packed = end !== -1 || size > packedConfigLimit ? undefined : [whole];
    }
    if (found.release !== undefined && found.config !== undefined) break;
    rest = text.subarray(-overlap);
  }
  return { release: found.release, config: found.config || undefined };
}

function releaseIn(text: Buffer): string | undefined {
  for (let at = text.indexOf(banner); at !== -1; at = text.indexOf(banner, at + 1)) {
    const match = /^(\d\S{0,64}) /.exec(text.toString("latin1", at + banner.length, at + banner.length + 80));
    if (match) return match[1];
  }
  return undefined;
}

function unpack(packed: Buffer): string | undefined {
  try {
    return gunzipSync(packed, { maxOutputLength: configLimit }).toString("latin1");
  } catch {
    // The markers may stand in a kernel's code as well; then there is no configuration.
    return undefined;
  }
}
