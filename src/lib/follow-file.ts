import { watch } from "node:fs";
import { open } from "node:fs/promises";

const pieceSize = 64 * 1024;
/** inotify tells of most changes at once; this finds the rest. */
const pollInterval = 1000;

/** A growing file from an offset on, and then what is added, until the signal aborts. A file that shrinks is read anew. */
export async function* followFile(path: string, signal: AbortSignal, from = 0): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  const changes = new Changes(path, signal);
  try {
    let position = from;
    while (!signal.aborted) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(pieceSize), 0, pieceSize, position);
      position += bytesRead;
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      else if ((await file.stat()).size < position) position = 0;
      else await changes.next();
    }
  } finally {
    changes.close();
    await file.close();
  }
}

class Changes {
  readonly #watcher;
  readonly #signal: AbortSignal;
  #wake: () => void = () => undefined;

  constructor(path: string, signal: AbortSignal) {
    this.#signal = signal;
    this.#watcher = watch(path, () => this.#wake());
    // Without inotify (its limits are low on some hosts) the poll alone finds the changes.
    this.#watcher.on("error", () => undefined);
    signal.addEventListener("abort", this.#onAbort);
  }

  async next(): Promise<void> {
    if (this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollInterval);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#watcher.close();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();
}
