import { type BangerError, fault } from "../../lib/errors/error.ts";

const frameMagic = 0xfd2fb528;
/** 0x184D2A50 to 0x184D2A5F. */
const skippableMagic = 0x184d2a50;
const rleBlock = 1;

/**
 * Passes a zstd stream on, cut where frames end (RFC 8878, 3.1): Node's decompressor silently drops what follows the end
 * of a frame within one chunk, and streams of many frames are common (pzstd, container layers). It does go on when the
 * next frame starts a chunk.
 *
 * @throws archive_invalid, archive_truncated, and what the source throws
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  const walk = new FrameWalk();
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let start = 0; start < bytes.length; ) {
      const end = walk.advance(bytes, start);
      yield bytes.subarray(start, end);
      start = end;
    }
  }
  walk.end();
}

type State = "magic" | "skippable size" | "descriptor" | "block header" | "passing";

/** Follows the structure of a stream: which field is next, and how many bytes until the one after it. */
class FrameWalk {
  #offset = 0;
  #state: State = "magic";
  /** Bytes of the present field, or of what is passed over. */
  #wanted = 4;
  /** The present field as far as it has come, little-endian. */
  #value = 0;
  #got = 0;
  #afterwards: State = "magic";
  #hasChecksum = false;

  /** Goes on from `start` to the end of the frame, or of the bytes; returns that position. */
  advance(bytes: Buffer, start: number): number {
    let at = start;
    while (at < bytes.length) {
      if (this.#state === "passing") {
        const step = Math.min(this.#wanted - this.#got, bytes.length - at);
        at += step;
        this.#got += step;
      } else {
        this.#value += (bytes[at] as number) * 2 ** (8 * this.#got);
        this.#got += 1;
        at += 1;
      }
      if (this.#got < this.#wanted) continue;
      this.#interpret(this.#offset + at - start);
      if (this.#state === "magic") break;
    }
    this.#offset += at - start;
    return at;
  }

  end(): void {
    if (this.#state === "magic" && this.#got === 0 && this.#offset > 0) return;
    throw fault("archive_truncated", { format: "zstd", offset: this.#offset, within: "in a frame" });
  }

  #interpret(offset: number): void {
    const value = this.#value;
    switch (this.#state) {
      case "magic":
        if (value === frameMagic) this.#expect("descriptor", 1);
        else if (value - (value % 16) === skippableMagic) this.#expect("skippable size", 4);
        else throw malformed(offset - 4, "no frame starts here");
        return;
      case "skippable size":
        this.#pass(value, "magic");
        return;
      case "descriptor":
        this.#hasChecksum = (value & 0x04) !== 0;
        this.#pass(headerRest(value), "block header");
        return;
      case "block header":
        this.#passBlock(value);
        return;
      case "passing":
        this.#expect(this.#afterwards, fieldSizes[this.#afterwards]);
    }
  }

  /** Bit 0: the last block; bits 1 and 2: its type; the rest: its size, but a repeated byte is stored once. */
  #passBlock(header: number): void {
    const isLast = (header & 1) !== 0;
    const size = ((header >> 1) & 3) === rleBlock ? 1 : header >> 3;
    this.#pass(size + (isLast && this.#hasChecksum ? 4 : 0), isLast ? "magic" : "block header");
  }

  #pass(count: number, afterwards: State): void {
    this.#afterwards = afterwards;
    if (count === 0) this.#expect(afterwards, fieldSizes[afterwards]);
    else this.#expect("passing", count);
  }

  #expect(state: State, wanted: number): void {
    this.#state = state;
    this.#wanted = wanted;
    this.#value = 0;
    this.#got = 0;
  }
}

const fieldSizes: Record<State, number> = {
  magic: 4,
  "skippable size": 4,
  descriptor: 1,
  "block header": 3,
  passing: 0,
};

/** Bytes of a frame header after its descriptor: window, dictionary and content size (RFC 8878, 3.1.1.1). */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}

function malformed(offset: number, problem: string): BangerError {
  return fault("archive_invalid", { format: "zstd", problem, offset });
}
