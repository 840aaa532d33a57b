import { fault } from "../lib/errors/error.ts";

const limit = 255;

/**
 * The name of an image: as in a registry, of letters, digits and `. - _ / : @`, no part of it empty or made of dots.
 *
 * @throws invalid_value
 */
export function checkImageName(name: string): string {
  const parts = name.split("/");
  const isGood = name.length <= limit && parts.every((part) => /^[A-Za-z0-9][A-Za-z0-9._:@-]*$/.test(part));
  if (!isGood) {
    const expected = "letters and digits with . - _ / : @ between them, such as debian-bookworm";
    throw fault("invalid_value", { what: "the image name", value: name, expected });
  }
  return name;
}

/** Hexadecimal digits enough to be meant as the beginning of an id. */
export function isIdPrefix(ref: string): boolean {
  return /^[0-9a-f]{3,12}$/.test(ref);
}
