/** Longest head of an answer in bytes. */
const headLimit = 64 * 1024;
const endOfHead = Buffer.from("\r\n\r\n");

export interface Head {
  status: number;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
}

/**
 * The head of an HTTP/1.1 answer (RFC 9112) at the start of `bytes`: undefined while it is incomplete, "malformed" when it
 * cannot become one.
 */
export function parseHead(bytes: Buffer): { head: Head; rest: Buffer } | "malformed" | undefined {
  const end = bytes.indexOf(endOfHead);
  if (end === -1) return bytes.length > headLimit ? "malformed" : undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const match = /^HTTP\/1\.1 ([1-5]\d\d)(?: .*)?$/.exec(statusLine);
  if (!match) return "malformed";
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (!field) return "malformed";
    headers.set((field[1] as string).toLowerCase(), field[2] as string);
  }
  return { head: { status: Number(match[1]), headers }, rest: bytes.subarray(end + endOfHead.length) };
}
