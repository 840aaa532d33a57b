/** What the name in a Host header asks for. */
export interface NamedPort {
  readonly name: string;
  /** Absent: the machine's port 80, or its first. */
  readonly port?: number;
}

/** Reads `<name>.localhost` and `<port>.<name>.localhost`, with or without the proxy's own port after it. */
export function readHost(host: string | undefined): NamedPort | undefined {
  const pattern = /^(?:(\d{1,5})\.)?([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.localhost\.?(?::\d{1,5})?$/;
  const [, digits, name] = pattern.exec((host ?? "").toLowerCase()) ?? [];
  if (name === undefined) return undefined;
  if (digits === undefined) return { name };
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { name, port } : undefined;
}
