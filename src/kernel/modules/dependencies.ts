/** What depmod and the kernel's build say of the modules of one release. */
export class ModuleGraph {
  /** File by module name. */
  readonly #files = new Map<string, string>();
  /** Needed files by file. */
  readonly #needs = new Map<string, readonly string[]>();
  readonly #builtin: ReadonlySet<string>;

  /**
   * @param dep modules.dep: `file: file file …`, relative to the directory of the release
   * @param builtin modules.builtin: a file a line, of modules that are part of the kernel
   */
  constructor(dep: string, builtin: string) {
    for (const line of dep.split("\n")) {
      const colon = line.indexOf(":");
      if (colon === -1 || line.startsWith("#")) continue;
      const file = line.slice(0, colon).trim();
      this.#files.set(moduleName(file), file);
      this.#needs.set(
        file,
        line
          .slice(colon + 1)
          .split(" ")
          .filter(Boolean),
      );
    }
    this.#builtin = new Set(builtin.split("\n").filter(Boolean).map(moduleName));
  }

  /** Whether the kernel has it, as a file or built in. */
  has(name: string): boolean {
    return this.#files.has(moduleName(name)) || this.isBuiltin(name);
  }

  isBuiltin(name: string): boolean {
    return this.#builtin.has(moduleName(name));
  }

  /** The files to load for some modules, each after those it needs, without repetition; nothing for those built in. */
  loadOrder(names: readonly string[]): string[] {
    const ordered = new Set<string>();
    const visited = new Set<string>();
    const visit = (file: string): void => {
      if (visited.has(file)) return;
      visited.add(file);
      for (const needed of this.#needs.get(file) ?? []) visit(needed);
      ordered.add(file);
    };
    for (const name of names) {
      const file = this.#files.get(moduleName(name));
      if (file !== undefined) visit(file);
    }
    return [...ordered];
  }
}

/** `kernel/drivers/char/virtio-rng.ko.xz` → `virtio_rng`: to the kernel hyphens and underscores are the same. */
export function moduleName(file: string): string {
  return file
    .slice(file.lastIndexOf("/") + 1)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}
