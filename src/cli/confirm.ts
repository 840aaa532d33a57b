import type { World } from "./world.ts";

/** Asks on standard error and reads one line; only y and yes agree. */
export async function confirm(world: World, question: string): Promise<boolean> {
  world.stderr.write(question);
  let answer = "";
  for await (const chunk of world.stdin) {
    answer += String(chunk);
    if (answer.includes("\n")) break;
  }
  return /^\s*y(es)?\s*$/i.test(answer.split("\n")[0] ?? "");
}
