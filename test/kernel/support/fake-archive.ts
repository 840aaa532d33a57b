import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DebianPackage } from "../../../src/debian/package.ts";
import type { Context } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";

/** Stands in for Debian's archive: packages by suite, and what was asked of it. */
export class FakeArchive {
  readonly asked: string[] = [];
  readonly packages = new Map<string, { pkg: DebianPackage; content: Buffer }[]>();
  /** Awaited before a package is handed out. */
  gate: (context: Context) => Promise<void> = async () => undefined;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  add(suite: string, name: string, version: string, more: { depends?: string; content?: Buffer } = {}): void {
    const content = more.content ?? Buffer.alloc(0);
    const pkg: DebianPackage = {
      name,
      version,
      architecture: "amd64",
      depends: more.depends ?? "",
      url: `http://mirror/${name}_${version}.deb`,
      size: content.length,
      sha256: "",
    };
    this.packages.set(suite, [...(this.packages.get(suite) ?? []), { pkg, content }]);
  }

  async select(suite: string, wanted: (name: string) => boolean): Promise<DebianPackage[]> {
    this.asked.push(`select ${suite}`);
    const found = this.packages.get(suite);
    if (!found) throw fault("archive_unreachable", { url: `http://mirror/${suite}`, reason: "no such host" });
    return found.map(({ pkg }) => pkg).filter(({ name }) => wanted(name));
  }

  async fetch(pkg: DebianPackage, context: Context): Promise<string> {
    this.asked.push(`fetch ${pkg.name} ${pkg.version}`);
    const step = { stage: "archive.package", message: `downloading ${pkg.name}` };
    context.report({ ...step, state: "started" });
    await this.gate(context);
    if (context.signal.aborted) throw fault("interrupted", { what: "downloading" }, context.signal.reason);
    context.report({ ...step, state: "progress", current: 1, total: pkg.size, unit: "bytes" });
    const all = [...this.packages.values()].flat();
    const path = join(this.#directory, `${pkg.name}.deb`);
    writeFileSync(path, all.find((one) => one.pkg === pkg)?.content ?? "");
    context.report({ ...step, state: "done", elapsed: 1 });
    return path;
  }

  async discard(pkg: DebianPackage): Promise<void> {
    this.asked.push(`discard ${pkg.name} ${pkg.version}`);
  }
}
