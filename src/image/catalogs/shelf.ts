import { removeStaleStaging } from "../../lib/atomic.ts";
import { Coalescer } from "../../lib/coalesce.ts";
import { type Context, step } from "../../lib/context.ts";
import { asFault, type BangerError, fault, isFault } from "../../lib/errors/error.ts";
import type { HttpGetter } from "../../lib/http/client.ts";
import type { Catalog, CatalogDocument } from "../../model/catalog.ts";
import type { CatalogConfig } from "../../model/config.ts";
import type { ImageCatalogEntry } from "../../model/image.ts";
import { CatalogCopies } from "./copies.ts";
import { readCatalog } from "./document.ts";
import { fetchCatalog } from "./fetch.ts";

export interface CatalogShelfOptions {
  catalogs: readonly CatalogConfig[];
  http: HttpGetter;
  /** Of the copies. */
  directory: string;
  now?: () => number;
}

interface Source {
  name: string;
  url: string;
  publicKey: string;
}

/** A catalog as far as it is known: what counts of it, and why there is nothing newer. */
interface Known {
  document?: CatalogDocument;
  fetched?: string;
  problem?: BangerError;
}

/** Milliseconds after which a copy is used only when no newer one can be had. */
const freshFor = 24 * 3600 * 1000;

/** The catalogs of the configuration, in its order. */
export class CatalogShelf {
  readonly #sources: readonly Source[];
  readonly #http: HttpGetter;
  readonly #directory: string;
  readonly #copies: CatalogCopies;
  readonly #now: () => number;
  readonly #flights = new Coalescer<Known>();

  constructor(options: CatalogShelfOptions) {
    this.#sources = options.catalogs.map(({ name, url, public_key: publicKey }) => ({
      name: name ?? defaultName(url),
      url,
      publicKey,
    }));
    this.#http = options.http;
    this.#directory = options.directory;
    this.#copies = new CatalogCopies(options.directory);
    this.#now = options.now ?? Date.now;
  }

  /** Removes what a killed process left half-written. */
  async removeLeftovers(): Promise<void> {
    await removeStaleStaging(this.#directory);
  }

  /** What is known without asking anybody. */
  async list(): Promise<Catalog[]> {
    return await Promise.all(
      this.#sources.map(async (source) => this.#describe(source, await this.#kept(source))),
    );
  }

  /**
   * The entries of all catalogs, each name once. A copy that is too old is fetched anew; whom that does not succeed with is told of in a note,
   * and its copy, if there is one, counts all the same.
   *
   * @throws interrupted
   */
  async entries(context: Context): Promise<{ catalog: string; entry: ImageCatalogEntry }[]> {
    const found = new Map<string, { catalog: string; entry: ImageCatalogEntry }>();
    for (const source of this.#sources) {
      const known = await this.#current(source, context);
      for (const entry of known.document?.images ?? []) {
        if (!found.has(entry.name)) found.set(entry.name, { catalog: source.name, entry });
      }
    }
    return [...found.values()];
  }

  /** The entry of a name in the first catalog that has it. @throws interrupted */
  async find(name: string, context: Context): Promise<ImageCatalogEntry | undefined> {
    for (const source of this.#sources) {
      const known = await this.#current(source, context);
      const entry = known.document?.images.find((one) => one.name === name);
      if (entry) return entry;
    }
    return undefined;
  }

  /** The names in the copies, without asking anybody. */
  async known(): Promise<string[]> {
    const kept = await Promise.all(this.#sources.map((source) => this.#kept(source)));
    return kept.flatMap(({ document }) => document?.images.map(({ name }) => name) ?? []);
  }

  /**
   * Fetches all catalogs anew. All are tried; then the first failure is the error.
   *
   * @throws catalog_unusable, no_space, directory_not_writable, interrupted
   */
  async update(context: Context): Promise<Catalog[]> {
    const catalogs: Catalog[] = [];
    const problems: BangerError[] = [];
    for (const source of this.#sources) {
      const known = await step(
        context,
        `catalog.update ${source.name}`,
        `fetching the catalog ${source.name}`,
        () => this.#refresh(source, context),
      );
      if (known.problem) problems.push(known.problem);
      catalogs.push(this.#describe(source, known));
    }
    for (const { message } of problems.slice(1)) {
      context.report({ stage: "catalog.update", state: "note", message });
    }
    if (problems[0]) throw problems[0];
    return catalogs;
  }

  async #current(source: Source, context: Context): Promise<Known> {
    const kept = await this.#kept(source);
    if (kept.document && !this.#isStale(kept)) return kept;
    const known = await this.#refresh(source, context);
    if (!known.problem) return known;
    const copy = known.fetched ? `; its copy of ${known.fetched} is used` : "";
    context.report({ stage: "catalog", state: "note", message: `${known.problem.message}${copy}` });
    return known;
  }

  /** The copy, checked. */
  async #kept(source: Source): Promise<Known> {
    const copy = await this.#copies.load(source.url);
    if (!copy) return {};
    try {
      return { document: readCatalog(source, copy), fetched: copy.fetched };
    } catch (error) {
      return { problem: asFault(error) };
    }
  }

  /** A newer state, or what there was and why there is nothing newer. */
  async #refresh(source: Source, context: Context): Promise<Known> {
    return await this.#flights.run(source.url, context, async ({ signal }) => {
      const kept = await this.#kept(source);
      try {
        const published = await fetchCatalog(source, this.#http, signal);
        const document = readCatalog(source, published);
        refuseOlder(source, document, kept.document);
        const fetched = new Date(this.#now()).toISOString();
        await this.#copies.save(source.url, { ...published, fetched });
        return { document, fetched };
      } catch (error) {
        if (isFault(error, "interrupted", "no_space", "directory_not_writable")) throw error;
        return { ...kept, problem: asFault(error) };
      }
    });
  }

  #isStale({ fetched }: Known): boolean {
    const age = fetched === undefined ? Number.POSITIVE_INFINITY : this.#now() - Date.parse(fetched);
    // A clock that was set back makes a copy that seems to come from the future.
    return age > freshFor || age < 0;
  }

  #describe({ name, url }: Source, known: Known): Catalog {
    return {
      name,
      url,
      ...(known.document ? { images: known.document.images.length, created: known.document.created } : {}),
      ...(known.fetched ? { fetched: known.fetched } : {}),
      stale: this.#isStale(known),
      ...(known.problem ? { problem: known.problem.message } : {}),
    };
  }
}

/** Who answers in a publisher's place could else bring back an image that was withdrawn. */
function refuseOlder(
  { name, url }: Source,
  fetched: CatalogDocument,
  kept: CatalogDocument | undefined,
): void {
  if (!kept || Date.parse(fetched.created) >= Date.parse(kept.created)) return;
  const problem = `it is of ${fetched.created}, older than the one of ${kept.created} that was seen before`;
  throw fault("catalog_unusable", { name, url, problem });
}

function defaultName(url: string): string {
  const { hostname, pathname } = new URL(url);
  return hostname || (pathname.split("/").at(-1) ?? url);
}
