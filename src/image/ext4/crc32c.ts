const slices = makeSlices();

/**
 * CRC-32C (Castagnoli) continued from `seed`, without the customary inversion at either end: that is how ext4 chains
 * it, starting from 0xffffffff. Unsigned.
 */
export function crc32c(seed: number, data: Buffer, start = 0, end = data.length): number {
  let crc = seed | 0;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ data.readInt32LE(at);
    const high = data.readInt32LE(at + 4);
    crc =
      lookup(7, low) ^
      lookup(6, low >>> 8) ^
      lookup(5, low >>> 16) ^
      lookup(4, low >>> 24) ^
      lookup(3, high) ^
      lookup(2, high >>> 8) ^
      lookup(1, high >>> 16) ^
      lookup(0, high >>> 24);
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ lookup(0, crc ^ (data[at] as number));
  return crc >>> 0;
}

/** The checksum continued over one little-endian 32-bit number. */
export function crc32cOfNumber(seed: number, value: number): number {
  const word = seed ^ value;
  return (lookup(3, word) ^ lookup(2, word >>> 8) ^ lookup(1, word >>> 16) ^ lookup(0, word >>> 24)) >>> 0;
}

function lookup(slice: number, value: number): number {
  return slices[(slice << 8) | (value & 0xff)] as number;
}

/** Eight tables in a row, so that eight bytes are taken at a time ("slicing by 8"). */
function makeSlices(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const previous = tables[at - 256] as number;
    tables[at] = (previous >>> 8) ^ (tables[previous & 0xff] as number);
  }
  return tables;
}
