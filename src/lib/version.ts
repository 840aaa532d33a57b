declare const __BANGER_VERSION__: string | undefined;
declare const __BANGER_BUILD__: string | undefined;

/** The package's version; put in by the bundler, read from package.json when run from source. */
export function version(): string {
  if (typeof __BANGER_VERSION__ === "string") return __BANGER_VERSION__;
  // Not imported: `banger --version` is to load nothing.
  const text = process
    .getBuiltinModule("node:fs")
    .readFileSync(new URL("../../package.json", import.meta.url));
  return (JSON.parse(String(text)) as { version: string }).version;
}

/** Hash of all that went into this program, agent included: two programs with the same build are the same. */
export function build(): string {
  return typeof __BANGER_BUILD__ === "string" ? __BANGER_BUILD__ : "source";
}
