import type { OutputStream } from "../world.ts";

/** Writes, and waits while the reader is behind. */
export async function write(stream: OutputStream, chunk: Buffer | string): Promise<void> {
  if (stream.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
