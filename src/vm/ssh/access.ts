import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskFault, writeFileAtomic } from "../../lib/atomic.ts";
import type { VmRepository } from "../../store/vm-repository.ts";
import { cleanUp } from "../clean-up.ts";
import type { VmParts } from "../parts.ts";
import type { VmFiles } from "../vm-files.ts";
import { configuredKeys } from "./authorized-keys.ts";
import { clientConfig, knownHosts, type SshClientSetup, type SshHost } from "./client-files.ts";
import { generateKey, type KeyPair, readKeyPair } from "./key.ts";

export interface SshAccessOptions {
  /** For the key, known_hosts and config; made 0700. */
  readonly directory: string;
  readonly files: Pick<VmFiles, "publicHostKey">;
  readonly vms: Pick<VmRepository, "all">;
  readonly proxy: SshClientSetup["proxy"];
  /** Public keys, or files of them, that machines let in beside our own. */
  readonly authorizedKeys: readonly string[];
  readonly log: VmParts["log"];
}

/**
 * What ssh on this host needs to reach machines: a key of our own, the pinned host keys, and a configuration that names both. None
 * of it is the user's, and all but the key is made again from the records.
 */
export class SshAccess {
  readonly config: string;
  readonly #options: SshAccessOptions;
  readonly #setup: SshClientSetup;
  #written = new Map<string, string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: SshAccessOptions) {
    const { directory, proxy } = options;
    this.#options = options;
    this.config = join(directory, "config");
    this.#setup = {
      knownHosts: join(directory, "known_hosts"),
      identity: join(directory, "id_ed25519"),
      proxy,
    };
  }

  /** Makes what is missing and writes all anew. @throws directory_not_writable, no_space */
  async prepare(): Promise<void> {
    await this.#identity();
    await this.#write();
  }

  /** After a machine has come or gone. A failure is logged: no machine is to fail because of it. */
  async refresh(): Promise<void> {
    this.#writing = this.#writing.then(() =>
      cleanUp(this.#options.log, "writing the configuration for ssh", () => this.#write()),
    );
    await this.#writing;
  }

  /** Lines for authorized_keys. @throws directory_not_writable, no_space */
  async authorizedKeys(): Promise<string> {
    const { authorizedKeys, log } = this.#options;
    const own = (await this.#identity()).publicKey.trim();
    return [own, ...(await configuredKeys(authorizedKeys, log)), ""].join("\n");
  }

  /** Our own key, made the first time. */
  async #identity(): Promise<KeyPair> {
    const { identity } = this.#setup;
    const known = await readKeyPair(identity);
    if (known) return known;
    const { directory } = this.#options;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw diskFault(error, directory, "making the directory for ssh");
    }
    const key = generateKey("banger");
    // The private key comes last: with it the pair is whole.
    await writeFileAtomic(`${identity}.pub`, key.publicKey, 0o644);
    await writeFileAtomic(identity, key.privateKey);
    return key;
  }

  async #write(): Promise<void> {
    const hosts = await this.#hosts();
    // The keys first: a machine that the configuration names is to have one.
    await this.#replace(this.#setup.knownHosts, knownHosts(hosts));
    await this.#replace(this.config, clientConfig(hosts, this.#setup));
  }

  async #hosts(): Promise<SshHost[]> {
    const { vms, files } = this.#options;
    const hosts = vms.all().map(async ({ id, name }) => {
      const hostKey = await files.publicHostKey(id);
      return hostKey === undefined ? [] : [{ id, name, hostKey }];
    });
    return (await Promise.all(hosts)).flat();
  }

  /** In one step for whoever reads it; not flushed, since it can be made again at any time. */
  async #replace(path: string, content: string): Promise<void> {
    if (this.#written.get(path) === content) return;
    const staged = `${path}.${randomBytes(4).toString("hex")}`;
    try {
      await writeFile(staged, content, { mode: 0o600, flag: "wx" });
      await rename(staged, path);
      this.#written.set(path, content);
    } catch (error) {
      await rm(staged, { force: true });
      throw diskFault(error, path, "writing the configuration for ssh");
    }
  }
}
