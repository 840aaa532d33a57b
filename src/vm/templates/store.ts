import { createHash } from "node:crypto";
import { open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDirectoryAtomic, diskFault, removeStaleStaging } from "../../lib/atomic.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import type { MachineSnapshot } from "../../vmm/driver.ts";
import { type TemplateManifest, templateFiles, templateManifestSchema } from "./manifest.ts";

const manifestName = "manifest.json";
const blockSize = 512;

/** A template that is complete. */
export interface Template {
  readonly manifest: TemplateManifest;
  readonly snapshot: MachineSnapshot & { readonly memory: string };
  readonly disk: string;
  /** Bytes on the host. */
  readonly size: number;
  readonly usedAt: Date;
}

/** The templates of this user: a directory for each, which appears whole and is never changed. */
export class TemplateStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Those that are complete and of this version, last used first. */
  async list(): Promise<Template[]> {
    const names = (await namesIn(this.directory)).filter((name) => /^[0-9a-f]{12}$/.test(name));
    const found = await Promise.all(names.map((name) => this.#read(name)));
    return found
      .filter((template) => template !== undefined)
      .toSorted((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
  }

  /** The one with the largest disk that does not exceed `disk`. Damaged ones are left out. */
  async find(key: string, disk: number): Promise<Template | undefined> {
    const fitting = (await this.list()).filter(
      ({ manifest }) => manifest.key === key && manifest.spec.disk <= disk,
    );
    return fitting.toSorted((a, b) => b.manifest.spec.disk - a.manifest.spec.disk)[0];
  }

  /**
   * Whether the files are as they were made. Memory and disk are too large to be read for that: their sizes and times are compared.
   *
   * @throws template_broken
   */
  async check({ manifest, snapshot, disk }: Template): Promise<void> {
    const { files, id } = manifest;
    const places = [
      [snapshot.memory, files.memory],
      [snapshot.state, files.state],
      [disk, files.disk],
    ] as const;
    for (const [path, expected] of places) {
      const found = await fileFacts(path).catch((error: unknown) => {
        throw fault("template_broken", { id, problem: `${path} cannot be read` }, error);
      });
      if (found.size !== expected.size || found.mtime !== expected.mtime) {
        throw fault("template_broken", { id, problem: `${path} was changed` });
      }
    }
    if (sha256(await readFile(snapshot.state)) !== files.state.sha256) {
      throw fault("template_broken", { id, problem: `${snapshot.state} was changed` });
    }
  }

  /**
   * Makes a template from what `fill` leaves in the directory that it gets. One of the same id is replaced.
   *
   * @throws no_space, directory_not_writable, and what `fill` throws
   */
  async add(
    id: string,
    fill: (staging: string) => Promise<Omit<TemplateManifest, "files">>,
  ): Promise<TemplateManifest> {
    const path = join(this.directory, id);
    return await createDirectoryAtomic(
      path,
      async (staging) => {
        const described = await fill(staging);
        const memory = await flushed(join(staging, templateFiles.memory));
        const disk = await flushed(join(staging, templateFiles.disk));
        const statePath = join(staging, templateFiles.state);
        const state = { ...(await flushed(statePath)), sha256: sha256(await readFile(statePath)) };
        const manifest: TemplateManifest = { ...described, files: { memory, state, disk } };
        await writeFile(join(staging, manifestName), JSON.stringify(manifest, undefined, 2), { flush: true });
        return manifest;
      },
      { replace: true },
    );
  }

  /** Machines made from it go on: they hold what they need of it. False when there is none. */
  async remove(id: string): Promise<boolean> {
    const path = join(this.directory, id);
    const gone = join(this.directory, `.${id}.staging-deleted`);
    try {
      await rm(gone, { recursive: true, force: true });
      await rename(path, gone);
      await rm(gone, { recursive: true, force: true });
      return true;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw diskFault(error, path, "removing a template");
    }
  }

  /** Notes that it is used now. */
  async touch(id: string): Promise<void> {
    const now = new Date();
    await utimes(join(this.directory, id, manifestName), now, now);
  }

  /** Removes the least recently used ones but `keep` until all fit into `budget` bytes. Returns their ids. */
  async evict(budget: number, keep: string): Promise<string[]> {
    const all = await this.list();
    let total = all.reduce((sum, { size }) => sum + size, 0);
    const evicted: string[] = [];
    for (const { manifest, size } of all.toReversed()) {
      if (total <= budget) break;
      if (manifest.id === keep) continue;
      await this.remove(manifest.id);
      evicted.push(manifest.id);
      total -= size;
    }
    return evicted;
  }

  /** What a killed daemon left half-made or half-removed. */
  async removeLeftovers(): Promise<void> {
    await removeStaleStaging(this.directory);
  }

  async #read(id: string): Promise<Template | undefined> {
    const path = join(this.directory, id);
    const manifestPath = join(path, manifestName);
    try {
      const manifest = templateManifestSchema.parse(JSON.parse(await readFile(manifestPath, "utf8")));
      const [memory, state, disk] = [
        join(path, templateFiles.memory),
        join(path, templateFiles.state),
        join(path, templateFiles.disk),
      ];
      const sizes = await Promise.all([memory, state, disk].map(async (file) => (await stat(file)).blocks));
      const size = sizes.reduce((sum, blocks) => sum + blocks * blockSize, 0);
      return { manifest, snapshot: { memory, state }, disk, size, usedAt: (await stat(manifestPath)).mtime };
    } catch {
      // Gone in this moment, of another version, or spoilt: none of them can be used.
      return undefined;
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw diskFault(error, directory, "looking for templates");
  }
}

async function flushed(path: string): Promise<{ size: number; mtime: number }> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return await fileFacts(path);
}

async function fileFacts(path: string): Promise<{ size: number; mtime: number }> {
  const { size, mtimeMs } = await stat(path);
  return { size, mtime: mtimeMs };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
