import { fromProblem, type Problem } from "../../lib/errors/error.ts";

/** An answer that failed on its way says so after its last byte. */
export async function* untilProblem(
  body: AsyncIterable<Buffer>,
  trailers: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer, void, void> {
  yield* body;
  const problem = trailers.get("banger-problem");
  if (problem !== undefined) throw fromProblem(JSON.parse(decodeURIComponent(problem)) as Problem, 500);
}
