import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFault, syncDirectory, writeFileAtomic } from "../lib/atomic.ts";
import { errnoOf } from "../lib/errors/error.ts";
import { prepareRuntimeDirectory } from "../lib/runtime-directory.ts";
import { checkSocketPath } from "../lib/socket-path.ts";
import type { LogFiles } from "./logs/read.ts";
import { generateKey, type KeyPair, readKeyPair } from "./ssh/key.ts";

const retiredMark = /^\.deleted-([0-9a-f]{12})-/;
const idPattern = /^[0-9a-f]{12}$/;
/** The longest name of a socket that a driver puts into a run directory. */
const longestSocket = "monitor.sock";

/**
 * The files of machines on the host: `<vms>/<id>/` with disk, console log and host key, and a run directory for sockets
 * that only matters while the machine runs.
 */
export class VmFiles {
  readonly #vms: string;
  readonly #runtime: string;
  /** Below the runtime directory, one for each state directory: the machines of another one are not ours to clear away. */
  readonly runRoot: string;

  constructor(paths: { vms: string; runtime: string }) {
    this.#vms = paths.vms;
    this.#runtime = paths.runtime;
    this.runRoot = join(paths.runtime, createHash("sha256").update(paths.vms).digest("hex").slice(0, 8));
  }

  directory(id: string): string {
    return join(this.#vms, id);
  }

  runDirectory(id: string): string {
    return join(this.runRoot, id);
  }

  consoleLog(id: string): string {
    return join(this.directory(id), "console.log");
  }

  logs(id: string): LogFiles {
    const directory = this.directory(id);
    return {
      console: this.consoleLog(id),
      marks: join(directory, "console.times"),
      agent: join(directory, "agent.log"),
    };
  }

  /** @throws path_too_long */
  checkPaths(id: string): void {
    checkSocketPath(join(this.runDirectory(id), longestSocket));
  }

  /** Makes both directories. @throws directory_not_writable, no_space, unsafe_directory, path_too_long */
  async prepare(id: string): Promise<void> {
    this.checkPaths(id);
    const directory = this.directory(id);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await syncDirectory(this.#vms);
    } catch (error) {
      throw diskFault(error, directory, "making the machine's directory");
    }
    await this.prepareRun(id);
  }

  /** Makes the run directory alone. @throws unsafe_directory, path_too_long */
  async prepareRun(id: string): Promise<void> {
    this.checkPaths(id);
    for (const path of [this.#runtime, this.runRoot, this.runDirectory(id)])
      await prepareRuntimeDirectory(path);
  }

  /** Empties a machine's directory: what a start that was cut off left before it had a disk. */
  async clear(id: string): Promise<void> {
    for (const name of await names(this.directory(id))) {
      await rm(join(this.directory(id), name), { recursive: true, force: true });
    }
  }

  /** The machine's ssh host key, made the first time. @throws directory_not_writable, no_space */
  async hostKey(id: string, comment: string): Promise<KeyPair> {
    const path = join(this.directory(id), "host_key");
    const known = await readKeyPair(path);
    if (known) return known;
    const key = generateKey(comment);
    // The private key comes last: with it the pair is whole.
    await writeFileAtomic(`${path}.pub`, key.publicKey, 0o644);
    await writeFileAtomic(path, key.privateKey);
    return key;
  }

  /** The line of a machine's public host key, once it has one. */
  async publicHostKey(id: string): Promise<string | undefined> {
    return (await readKeyPair(join(this.directory(id), "host_key")))?.publicKey;
  }

  /** The end of what the guest wrote on its console, printable, at most `limit` bytes of it. */
  async consoleTail(id: string, limit = 2000): Promise<string> {
    try {
      const file = await open(this.consoleLog(id), "r");
      try {
        const { size } = await file.stat();
        const start = Math.max(0, size - limit);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(limit), 0, limit, start);
        return printable(buffer.toString("utf8", 0, bytesRead));
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return "";
      throw diskFault(error, this.consoleLog(id), "reading the console log");
    }
  }

  async removeRunDirectory(id: string): Promise<void> {
    await rm(this.runDirectory(id), { recursive: true, force: true });
  }

  /** First half of a removal: out of the way in one step, so that what is cut off from here on is finished later. */
  async retire(id: string): Promise<void> {
    const retired = join(this.#vms, `.deleted-${id}-${randomBytes(4).toString("hex")}`);
    try {
      await rename(this.directory(id), retired);
      await syncDirectory(this.#vms);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw diskFault(error, this.directory(id), "deleting the machine");
    }
  }

  /** Ids of machines that were retired but not purged. */
  async retired(): Promise<string[]> {
    const ids = (await names(this.#vms)).map((name) => retiredMark.exec(name)?.[1]);
    return [...new Set(ids.filter((id) => id !== undefined))];
  }

  /** Second half of a removal. */
  async purge(id: string): Promise<void> {
    await this.removeRunDirectory(id);
    for (const name of await names(this.#vms)) {
      if (retiredMark.exec(name)?.[1] === id) {
        await rm(join(this.#vms, name), { recursive: true, force: true });
      }
    }
  }

  /** Ids that have a directory. */
  async ids(): Promise<string[]> {
    return (await names(this.#vms)).filter((name) => idPattern.test(name));
  }

  /** Ids that have a run directory. */
  async runIds(): Promise<string[]> {
    return (await names(this.runRoot)).filter((name) => idPattern.test(name));
  }

  /** Whether a machine's directory holds something that cannot be made again. */
  async hasDisk(id: string): Promise<boolean> {
    return (await names(this.directory(id))).some((name) => name.startsWith("disk."));
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, join(directory, "."), "reading a directory");
  }
}

/** The last lines in one, without what a terminal would act upon. */
function printable(text: string): string {
  return text
    .replaceAll(/\p{Cc}\[[0-9;?]*[a-zA-Z]/gu, "")
    .replaceAll(/[^\n\t\x20-\x7e]/g, "")
    .trim()
    .split("\n")
    .slice(-8)
    .join(" / ");
}
