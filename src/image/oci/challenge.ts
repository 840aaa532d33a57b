/** One way to log in, as a server offers it in `WWW-Authenticate` (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  scheme: string;
  /** By lower-case name. */
  parameters: ReadonlyMap<string, string>;
}

const lengthLimit = 16 * 1024;
/** A parameter (name, quoted or bare value), or the scheme that begins a challenge. */
const pattern = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|(?=\s|,|$))/g;

/** The challenges of a header, in its order. What is malformed is passed over: the server then gets no login. */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [, word = "", quoted, bare] of (header ?? "").slice(0, lengthLimit).matchAll(pattern)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    if (value === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(word.toLowerCase(), value);
  }
  return challenges;
}
