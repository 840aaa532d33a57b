import { createReadStream } from "node:fs";
import { decompress } from "../archive/compression/decompress.ts";
import type { Context } from "../lib/context.ts";
import { fault, isFault } from "../lib/errors/error.ts";
import { DownloadCache } from "../lib/http/cache.ts";
import { HttpClient } from "../lib/http/client.ts";
import { fetchBytes } from "../lib/http/download.ts";
import { fieldOf, readStanzas } from "./deb822.ts";
import { checkFreshness, hostChecksValidUntil } from "./freshness.ts";
import { debianKeys, type PinnedKey, writeKeyring } from "./keyring.ts";
import { type DebianPackage, parsePackage } from "./package.ts";
import { parseRelease, type Release } from "./release.ts";
import { verifyClearsigned } from "./signature.ts";
import { folderOf, type Suite, suitesOf } from "./suites.ts";
import { compareVersions } from "./version.ts";

export interface DebianArchiveOptions {
  mirror: string;
  securityMirror: string;
  /** Undefined: as the host's own apt is configured. */
  checkValidUntil?: boolean | undefined;
  /** Directory for what is downloaded; it may be deleted at any time. */
  downloads: string;
  /** Keys that may sign. Default: Debian's. */
  keys?: readonly PinnedKey[];
  http?: HttpClient;
  now?: () => Date;
  /** Milliseconds before a request is repeated for the first time. */
  pause?: number;
}

const architecture = "amd64";
const releaseLimit = 4 * 1024 * 1024;

/**
 * Debian's archive, trusted by its signatures alone: release file, index by the release's hash, package by the index's hash.
 */
export class DebianArchive {
  readonly #options: DebianArchiveOptions;
  readonly #http: HttpClient;
  readonly #cache: DownloadCache;
  readonly #keys: readonly PinnedKey[];
  #checkValidUntil: boolean | undefined;

  /** @throws invalid_value when a proxy variable is not usable */
  constructor(options: DebianArchiveOptions) {
    this.#options = options;
    this.#http = options.http ?? new HttpClient();
    this.#cache = new DownloadCache({ directory: options.downloads, http: this.#http });
    this.#keys = options.keys ?? debianKeys;
    this.#checkValidUntil = options.checkValidUntil;
  }

  /**
   * Fetches and checks the release files of a suite, its updates and its security updates, in that order.
   *
   * @throws archive_unreachable, archive_bad_signature, archive_release_expired, archive_release_in_future,
   *   archive_malformed, tool_missing (gpgv), no_space, interrupted
   */
  async releases(codename: string, context: Context): Promise<Release[]> {
    const checked = suitesOf(codename, this.#options).map((suite) => this.#release(suite, context));
    // All are waited for, so that none goes on after this has failed.
    for (const outcome of await Promise.allSettled(checked)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
    return await Promise.all(checked);
  }

  /** Path of a binary keyring with the keys that may sign, for apt. @throws no_space, directory_not_writable */
  async keyring(): Promise<string> {
    return await writeKeyring(this.#keys, this.#options.downloads);
  }

  /** Whether release files past their Valid-Until are refused. */
  async checksValidUntil(signal: AbortSignal): Promise<boolean> {
    this.#checkValidUntil ??= await hostChecksValidUntil(signal);
    return this.#checkValidUntil;
  }

  /**
   * All packages of a suite, its updates and security updates, whose name `wanted` accepts, in component main.
   *
   * @throws what `releases` throws, archive_bad_hash
   */
  async select(
    codename: string,
    wanted: (name: string) => boolean,
    context: Context,
  ): Promise<DebianPackage[]> {
    const releases = await this.releases(codename, context);
    const found: DebianPackage[] = [];
    for (const [at, suite] of suitesOf(codename, this.#options).entries()) {
      const release = releases[at];
      if (release) found.push(...(await this.#search(suite, release, wanted, context)));
    }
    return found;
  }

  /** The newest version of a package. @throws what `select` throws, archive_package_missing */
  async resolve(codename: string, name: string, context: Context): Promise<DebianPackage> {
    const found = await this.select(codename, (candidate) => candidate === name, context);
    const newest = newestOf(found);
    if (!newest) throw fault("archive_package_missing", { package: name, suite: codename });
    return newest;
  }

  /**
   * Downloads a package, checked against the index.
   *
   * @returns its path, in the cache
   * @throws archive_unreachable, archive_bad_hash, archive_malformed, no_space, interrupted
   */
  async fetch(pkg: DebianPackage, context: Context): Promise<string> {
    const step = { stage: "archive.package", message: `downloading ${pkg.name} ${pkg.version}` };
    return await this.#cache.fetch({ ...pkg, name: cacheName(pkg) }, step, context);
  }

  /** Deletes a downloaded package. */
  async discard(pkg: DebianPackage): Promise<void> {
    await this.#cache.remove(cacheName(pkg));
  }

  close(): void {
    this.#http.close();
  }

  async #release(suite: Suite, context: Context): Promise<Release> {
    const { signal } = context;
    const url = `${folderOf(suite)}/InRelease`;
    const content = await fetchBytes(this.#http, url, releaseLimit, this.#retry(signal));
    const fingerprints = this.#keys.map((key) => key.fingerprint);
    const keyring = await this.keyring();
    const text = await verifyClearsigned({ url, content }, { keyring, fingerprints, signal });
    const release = parseRelease(text, url);
    // The signature does not bind the address: an attacker could serve an older suite here.
    if (release.codename !== suite.name && release.suite !== suite.name) {
      const problem = `it is the release file of ${JSON.stringify(release.codename)}`;
      throw fault("archive_malformed", { url, problem });
    }
    checkFreshness(release, this.#options.now?.() ?? new Date(), await this.checksValidUntil(signal));
    return release;
  }

  async #search(
    suite: Suite,
    release: Release,
    wanted: (name: string) => boolean,
    context: Context,
  ): Promise<DebianPackage[]> {
    const path = await this.#index(suite, release, context);
    const url = `${folderOf(suite)}/${indexPath}`;
    const found: DebianPackage[] = [];
    const text = decompress(createReadStream(path), "xz", { signal: context.signal });
    try {
      for await (const stanzas of readStanzas(text, url)) {
        for (const stanza of stanzas) {
          if (!wanted(fieldOf(stanza, "Package") ?? "")) continue;
          const pkg = parsePackage(stanza.toString("utf8"), suite.mirror, url);
          if (pkg.architecture === architecture || pkg.architecture === "all") found.push(pkg);
        }
      }
    } catch (error) {
      if (!isFault(error, "archive_invalid", "archive_truncated")) throw error;
      throw fault("archive_malformed", { url, problem: error.message }, error);
    }
    return found;
  }

  /** The suite's index in the cache, where it stays as long as the release file names it. */
  async #index(suite: Suite, release: Release, context: Context): Promise<string> {
    const file = release.files.get(indexPath);
    if (!file)
      throw fault("archive_malformed", { url: release.url, problem: `it does not list ${indexPath}` });
    const plain = `${folderOf(suite)}/${indexPath}`;
    const name = plain.replace(/^https?:\/\//, "").replace(/[^A-Za-z0-9.-]+/g, "_");
    const step = { stage: "archive.index", message: `downloading the package index of ${suite.name}` };
    const fetchFrom = (url: string): Promise<string> =>
      this.#cache.fetch({ ...file, name, url }, step, context);
    if (!release.byHash) return await fetchFrom(plain);
    const byHash = `${folderOf(suite)}/${indexPath.replace(/[^/]+$/, "")}by-hash/SHA256/${file.sha256}`;
    try {
      return await fetchFrom(byHash);
    } catch (error) {
      // Copies of the archive sometimes leave the by-hash folders out.
      if (isFault(error, "archive_unreachable") && (error.params as { status?: number }).status === 404) {
        return await fetchFrom(plain);
      }
      throw error;
    }
  }

  #retry(signal: AbortSignal): { signal: AbortSignal; pause?: number } {
    return this.#options.pause === undefined ? { signal } : { signal, pause: this.#options.pause };
  }
}

const indexPath = `main/binary-${architecture}/Packages.xz`;

/** The newest of several versions of a package; undefined when there is none. */
export function newestOf(packages: readonly DebianPackage[]): DebianPackage | undefined {
  return packages.toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

function cacheName(pkg: DebianPackage): string {
  const version = pkg.version.replace(/:/g, "%3a");
  return `${pkg.name}_${version}_${pkg.architecture}.deb`;
}
