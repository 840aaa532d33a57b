const longest = 1000;

/**
 * Text of the guest for messages and logs: UTF-8 where it is, at most 1000 characters, and without anything that a
 * terminal would act upon (control characters, invisible and direction marks).
 */
export function printable(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4 * longest + 4))
    .toString("utf8")
    .replace(/\s+/g, " ")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\uFFFD")
    .trim();
  const characters = Array.from(text);
  return characters.length > longest ? `${characters.slice(0, longest).join("")}…` : text;
}
