/** What `*` stands for: `anything`, as for dpkg, or anything within one `component`, as for a shell. */
export type Wildcard = "anything" | "component";

/** A test of absolute paths against patterns in which `*` is a wildcard and all else is itself. */
export function matcher(patterns: readonly string[], wildcard: Wildcard): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const star = wildcard === "anything" ? "[^]*" : "[^/]*";
  const sources = patterns.map((pattern) => pattern.split("*").map(literal).join(star));
  const expression = new RegExp(`^(?:${sources.join("|")})$`);
  return (path) => expression.test(path);
}

function literal(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}/-]/g, "\\$&");
}
