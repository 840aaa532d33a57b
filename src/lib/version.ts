import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./paths.ts";

declare const __BANGER_VERSION__: string | undefined;
declare const __BANGER_BUILD__: string | undefined;

/** The package's version; put in by the bundler, read from package.json when run from source. */
export function version(): string {
  if (typeof __BANGER_VERSION__ === "string") return __BANGER_VERSION__;
  const manifest = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

/** Hash of all that went into this program, agent included: two programs with the same build are the same. */
export function build(): string {
  return typeof __BANGER_BUILD__ === "string" ? __BANGER_BUILD__ : "source";
}
