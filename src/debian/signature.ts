import { fault, isFault } from "../lib/errors/error.ts";
import { run } from "../lib/process.ts";

export interface SignedFile {
  /** What errors name. */
  url: string;
  content: Buffer;
}

export interface Trust {
  /** Binary keyring. */
  keyring: string;
  /** Of primary keys: 40 hex digits in upper case. */
  fingerprints: readonly string[];
  signal: AbortSignal;
}

const timeout = 30_000;

/**
 * Checks a clearsigned file with gpgv and gives the text that is signed; what stands before and after it in the file is not
 * part of that. One good signature by a trusted key is enough, a bad one is too many: Debian signs with the keys of two releases.
 *
 * @throws archive_bad_signature, tool_missing, timed_out, interrupted
 */
export async function verifyClearsigned(file: SignedFile, trust: Trust): Promise<string> {
  const { stdout, stderr } = await gpgv(file.content, trust);
  const reason = refusal(statusLines(stderr), trust.fingerprints);
  if (reason !== undefined) throw fault("archive_bad_signature", { url: file.url, reason });
  return stdout;
}

async function gpgv(content: Buffer, trust: Trust): Promise<{ stdout: string; stderr: string }> {
  // The status decides, not the exit code: it is 2 for a signature by a key that is not ours. The time of keys is compared
  // with the release's Date elsewhere, where a clock that is wrong gets an error that says so.
  const args = [
    "--quiet",
    "--ignore-time-conflict",
    "--status-fd",
    "2",
    "--keyring",
    trust.keyring,
    "--output",
    "-",
  ];
  try {
    return await run("gpgv", [...args, "-"], {
      input: content,
      accept: [0, 1, 2],
      timeout,
      signal: trust.signal,
      env: { ...process.env, LC_ALL: "C", GNUPGHOME: "/nonexistent" },
    });
  } catch (error) {
    if (isFault(error, "tool_missing")) throw fault("tool_missing", { tool: "gpgv", package: "gpgv" }, error);
    throw error;
  }
}

/** Lines that gpgv writes for programs (doc/DETAILS of GnuPG): a keyword and its arguments. */
function statusLines(stderr: string): string[][] {
  const prefix = "[GNUPG:] ";
  return stderr
    .split("\n")
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length).split(" "));
}

function refusal(lines: readonly string[][], trusted: readonly string[]): string | undefined {
  const problems: string[] = [];
  let valid = 0;
  let good = false;
  let signed = false;
  for (const [keyword, ...args] of lines) {
    switch (keyword) {
      case "NEWSIG":
        signed = true;
        good = false;
        break;
      case "GOODSIG":
        good = true;
        break;
      case "VALIDSIG":
        // Its tenth argument is the primary key's fingerprint; VALIDSIG also follows EXPKEYSIG and its like.
        if (good && trusted.includes(args[9] ?? "")) valid += 1;
        break;
      case "BADSIG":
        return `the content was changed after ${args.slice(1).join(" ")} signed it`;
      case "EXPSIG":
        problems.push(`the signature of key ${args[0]} has expired`);
        break;
      case "EXPKEYSIG":
        problems.push(`key ${args[0]} has expired`);
        break;
      case "REVKEYSIG":
        problems.push(`key ${args[0]} has been revoked`);
        break;
      case "NO_PUBKEY":
        problems.push(`key ${args[0]} is not one of Debian's`);
        break;
    }
  }
  if (valid > 0) return undefined;
  if (!signed) return "it is not signed";
  return [...new Set(problems)].join(", ") || "no signature of a trusted key";
}
