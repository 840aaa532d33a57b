import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { diskFault, writeFileAtomic } from "../lib/atomic.ts";
import { errnoOf, fault } from "../lib/errors/error.ts";
import { bookwormKeys } from "./keys/bookworm.ts";
import { trixieKeys } from "./keys/trixie.ts";

/** A key that may sign Debian's archive. */
export interface PinnedKey {
  owner: string;
  /** Of the primary key: 40 hex digits in upper case. */
  fingerprint: string;
  /** Public key, ASCII-armored (RFC 9580, section 6). */
  armored: string;
}

/** The keys that bookworm and trixie are signed with. They come with banger, so any host will do. */
export const debianKeys: readonly PinnedKey[] = [...bookwormKeys, ...trixieKeys];

/**
 * Writes the keys as a binary keyring, which gpgv and apt read, unless it is there already.
 *
 * @returns its path
 * @throws no_space, directory_not_writable
 */
export async function writeKeyring(keys: readonly PinnedKey[], directory: string): Promise<string> {
  const content = Buffer.concat(keys.map((key) => dearmor(key.armored)));
  const name = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const path = join(directory, `keyring-${name}.gpg`);
  try {
    if ((await readFile(path)).equals(content)) return path;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskFault(error, path, "reading the keyring");
  }
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskFault(error, path, "making the download cache");
  }
  // Readable for all: apt drops root's privileges before it checks a signature.
  await writeFileAtomic(path, content, 0o644);
  return path;
}

/** The packets inside an armor. @throws internal: the keys are part of the program */
export function dearmor(armored: string): Buffer {
  const match =
    /^-----BEGIN PGP [A-Z ]+-----\n(?:\S+: .*\n)*\n([A-Za-z0-9+/=\n]+?)(?:\n=\S{4})?\n-----END/.exec(armored);
  if (!match?.[1]) throw fault("internal", { detail: "a key is not ASCII-armored" });
  return Buffer.from(match[1], "base64");
}
