import { StringDecoder } from "node:string_decoder";

/** The values of a stream of JSON lines, however it is cut. */
export async function* ndjson<T>(body: AsyncIterable<Buffer>): AsyncGenerator<T> {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  for await (const piece of body) {
    pending += decoder.write(piece);
    for (let end = pending.indexOf("\n"); end !== -1; end = pending.indexOf("\n")) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 1);
      if (line !== "") yield JSON.parse(line) as T;
    }
  }
}
