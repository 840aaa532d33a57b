/** A directory's name hash, and the version numbers that go with it on disk. */
export const halfMd4Version = 1;
/** s_flags: names are hashed as unsigned bytes, whatever the machine's `char` is. */
export const unsignedHashFlag = 2;

const roundTwo = 0x5a827999;
const roundThree = 0x6ed9eba1;
const wordsPerPass = 8;
const bytesPerPass = wordsPerPass * 4;
/** What no entry may hash to: it marks the end of a directory. */
const endHash = 0xfffffffe;

/** The "half MD4" hash by which an indexed directory is ordered. Algorithm: fs/ext4/hash.c. */
export class NameHasher {
  readonly #seed: Uint32Array;
  readonly #state = new Int32Array(4);
  readonly #words = new Int32Array(wordsPerPass);

  /** `seed`: four words, s_hash_seed. */
  constructor(seed: Uint32Array) {
    this.#seed = seed;
  }

  /** The hash of a name of one character per byte; its lowest bit is 0. */
  hash(name: string): number {
    this.#state.set(this.#seed);
    for (let at = 0; at < name.length; at += bytesPerPass) {
      fillWords(this.#words, name, at);
      halfMd4(this.#state, this.#words);
    }
    const hash = ((this.#state[1] as number) & ~1) >>> 0;
    return hash === endHash ? endHash - 2 : hash;
  }
}

/** Big-endian words of up to 32 bytes; what is left over is filled with the number of bytes that there were. */
function fillWords(words: Int32Array, name: string, from: number): void {
  const length = name.length - from;
  const filler = (length & 0xff) * 0x01010101;
  for (let word = 0; word < wordsPerPass; word += 1) {
    let value = filler | 0;
    for (let byte = word * 4; byte < Math.min(word * 4 + 4, length); byte += 1) {
      value = name.charCodeAt(from + byte) + (value << 8);
    }
    words[word] = value;
  }
}

function halfMd4(state: Int32Array, input: Int32Array): void {
  const word = (index: number): number => input[index] as number;
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  const choose = (x: number, y: number, z: number): number => z ^ (x & (y ^ z));
  const majority = (x: number, y: number, z: number): number => ((x & y) + ((x ^ y) & z)) | 0;
  const parity = (x: number, y: number, z: number): number => x ^ y ^ z;

  for (const at of [0, 4]) {
    a = rotate(a + choose(b, c, d) + word(at), 3);
    d = rotate(d + choose(a, b, c) + word(at + 1), 7);
    c = rotate(c + choose(d, a, b) + word(at + 2), 11);
    b = rotate(b + choose(c, d, a) + word(at + 3), 19);
  }
  for (const at of [1, 0]) {
    a = rotate(a + majority(b, c, d) + word(at) + roundTwo, 3);
    d = rotate(d + majority(a, b, c) + word(at + 2) + roundTwo, 5);
    c = rotate(c + majority(d, a, b) + word(at + 4) + roundTwo, 9);
    b = rotate(b + majority(c, d, a) + word(at + 6) + roundTwo, 13);
  }
  for (const at of [3, 1]) {
    a = rotate(a + parity(b, c, d) + word(at) + roundThree, 3);
    d = rotate(d + parity(a, b, c) + word(at + 4) + roundThree, 9);
    c = rotate(c + parity(d, a, b) + word(at - 1) + roundThree, 11);
    b = rotate(b + parity(c, d, a) + word(at + 3) + roundThree, 15);
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
