/**
 * A command for ssh, which hands the user's shell in the machine one line: every word quoted, so that it arrives there as it was given
 * here.
 */
export function remoteCommand(words: readonly string[]): string {
  return words.map(quote).join(" ");
}

function quote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
