import type { Readable } from "node:stream";
import type { RemoteProcess } from "../../client/exec.ts";
import { fault } from "../../lib/errors/error.ts";
import { write } from "../output/write.ts";
import type { OutputStream, World } from "../world.ts";

/**
 * Carries bytes between this program and a command until it ends; gives its exit status. Whoever reads slowly holds up the
 * other side, and nothing piles up here.
 */
export async function carry({ stdin, stdout, stderr }: World, remote: RemoteProcess): Promise<number> {
  // An input that cannot be read, such as a directory, is at its end.
  const onInputError = (): void => void remote.stdin.end();
  stdin.on("error", onInputError);
  stdin.pipe(remote.stdin);
  try {
    const outputs = [pump(remote.stdout, stdout), pump(remote.stderr, stderr)];
    const [exit] = await Promise.all([remote.exited, ...outputs]);
    if (exit.timedOut) throw fault("exec_timeout", {});
    return exit.code;
  } finally {
    stdin.unpipe(remote.stdin);
    stdin.off("error", onInputError);
    stdin.pause();
  }
}

async function pump(from: Readable, to: OutputStream): Promise<void> {
  for await (const chunk of from) await write(to, chunk as Buffer);
}
