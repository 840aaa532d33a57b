import { build, version } from "../lib/version.ts";

export function versionLine(): string {
  return `banger ${version()} (build ${build()})\n`;
}
