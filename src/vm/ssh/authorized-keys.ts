import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../lib/errors/error.ts";
import type { VmParts } from "../parts.ts";

/** A key without options: type and key, then a comment (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
const keyLine = /^(?:sk-)?(?:ssh|ecdsa)-[\w@.-]+ [A-Za-z0-9+/]+={0,3}(?: [^\r\n]*)?$/;
/** They are given to a guest in one order, which has at most 32 KiB. */
const limit = 24 * 1024;

/**
 * Lines for authorized_keys: each entry of the configuration is a key itself or a file of keys. What is neither is told to the log
 * and left out: one wrong file does not lock the others out.
 */
export async function configuredKeys(entries: readonly string[], log: VmParts["log"]): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of entries) {
    if (keyLine.test(entry)) lines.push(entry);
    else lines.push(...(await keysOf(entry, log)));
  }
  let size = 0;
  return [...new Set(lines)].filter((line) => {
    size += line.length + 1;
    return size <= limit;
  });
}

async function keysOf(entry: string, log: VmParts["log"]): Promise<string[]> {
  const path = entry.startsWith("~/") ? join(homedir(), entry.slice(2)) : entry;
  try {
    const keys = (await readFile(path, "utf8"))
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => keyLine.test(line));
    if (keys.length === 0) log("no public key in a file of ssh.authorized_keys", { path });
    return keys;
  } catch (error) {
    log("a file of ssh.authorized_keys cannot be read", { path, error: messageOf(error) });
    return [];
  }
}
