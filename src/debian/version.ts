/**
 * Orders two version numbers as Debian does (deb-version(7)): epoch, upstream version, revision. Negative when `a` is
 * the older one. Versions are taken as they are: this does not check their form.
 */
export function compareVersions(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const epoch = colon === -1 ? 0 : Number(version.slice(0, colon));
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf("-");
  if (hyphen === -1) return { epoch, upstream: rest, revision: "0" };
  return { epoch, upstream: rest.slice(0, hyphen), revision: rest.slice(hyphen + 1) };
}

/** Takes turns: the longest run without digits by character weight, then the longest run of digits as a number. */
function compareParts(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = weight(a, i) - weight(b, j);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
    const [numberA, nextA] = digits(a, i);
    const [numberB, nextB] = digits(b, j);
    // Without leading zeros the longer run is the larger number, whatever its length.
    const difference =
      numberA.length - numberB.length || (numberA < numberB ? -1 : numberA > numberB ? 1 : 0);
    if (difference !== 0) return difference;
    i = nextA;
    j = nextB;
  }
  return 0;
}

function digits(text: string, start: number): [string, number] {
  let end = start;
  while (end < text.length && isDigit(text, end)) end += 1;
  return [text.slice(start, end).replace(/^0+/, ""), end];
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** `~` comes before the end of the part, that before letters, those before everything else. */
function weight(text: string, at: number): number {
  if (at >= text.length || isDigit(text, at)) return 0;
  const character = text.charAt(at);
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
