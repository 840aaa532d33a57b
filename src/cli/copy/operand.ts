import { fault } from "../../lib/errors/error.ts";

/** One side of a copy: standard input or output, a path of this host, or one in a machine. */
export type Operand =
  | { readonly kind: "stream" }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "machine"; readonly vm: string; readonly path: string };

/**
 * Reads `-`, `VM:/path` and paths of the host. As with scp, a colon makes the difference unless a slash comes first.
 *
 * @throws bad_usage
 */
export function readOperand(word: string): Operand {
  if (word === "-") return { kind: "stream" };
  const [, vm, path] = /^([^/:]+):(.*)$/s.exec(word) ?? [];
  if (word === "") throw refused("an empty path names nothing");
  if (vm === undefined || path === undefined) return { kind: "host", path: word };
  if (!path.startsWith("/")) {
    throw refused(
      `a path in a machine begins with a slash: ${vm}:/${path}; for a file of this host write ./${word}`,
    );
  }
  return { kind: "machine", vm, path };
}

export function refused(problem: string): Error {
  return fault("bad_usage", { problem, command: "vm cp" });
}
