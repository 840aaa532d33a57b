import type { World } from "../world.ts";

/** Terminals that would print a title instead of taking it. */
const plain = new Set(["", "dumb", "linux", "vt100", "vt220"]);

/** Gives the window a title; returns what gives it back the one it had. Does nothing without a terminal that has titles. */
export function showTitle({ stdin, stdout, env }: World, title: string): () => void {
  if (!stdin.isTTY || !stdout.isTTY || plain.has(env.TERM ?? "")) return () => undefined;
  // The title is kept on the terminal's own stack meanwhile.
  stdout.write(`\u001b[22;0t\u001b]0;${title.replace(/\p{Cc}/gu, "")}\u0007`);
  return () => void stdout.write("\u001b[23;0t");
}
