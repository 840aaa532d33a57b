import { dpkgExcludes } from "../recipe/additions.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { treeLink, workspaceVariable } from "./environment.ts";
import type { BuildMode } from "./mode.ts";

export interface MirrorSettings {
  mirror: string;
  securityMirror: string;
}

export interface CommandSettings {
  mode: BuildMode;
  /** Binary keyring with the keys that may sign. */
  keyring: string;
  checkValidUntil: boolean;
}

/** Arguments of mmdebstrap(1), which reads the sources from its standard input and writes the archive to its output. */
export function commandLine(recipe: Recipe, settings: CommandSettings): string[] {
  const excludes = dpkgExcludes(recipe);
  return [
    `--mode=${settings.mode}`,
    "--variant=apt",
    "--architectures=amd64",
    "--format=tar",
    "--verbose",
    // Else the package usrmerge is installed, with Perl, to convert the tree file by file.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    `--keyring=${settings.keyring}`,
    `--include=${recipe.packages.join(",")}`,
    // Nothing of a build that is interrupted is used, so nothing has to be flushed.
    "--dpkgopt=force-unsafe-io",
    ...(settings.checkValidUntil ? [] : ['--aptopt=Acquire::Check-Valid-Until "false"']),
    `--essential-hook=ln -sfn "$1" "$${workspaceVariable}"/${treeLink}`,
    // When the base system is there already: mmdebstrap would run each of its packages through a slow filter of its
    // own. What comes in that way is left out later.
    ...(excludes.length > 0
      ? [`--essential-hook=${writeLines(excludes, '"$1"/etc/dpkg/dpkg.cfg.d/banger')}`]
      : []),
    recipe.suite,
    "-",
    "-",
  ];
}

/** The suite, its updates and its security updates, in the one-line form of sources.list(5). */
export function sourceLines(recipe: Recipe, settings: MirrorSettings): string {
  const { suite, components } = recipe;
  return suitesOf(suite, settings)
    .map(({ name, mirror }) => `deb ${mirror} ${name} ${components.join(" ")}\n`)
    .join("");
}

/** What the machine's own apt uses, in the form of sources.list(5) that names the keys. */
export function guestSources(recipe: Recipe, settings: MirrorSettings): string {
  return suitesOf(recipe.suite, settings)
    .map(({ name, mirror }) =>
      [
        "Types: deb",
        `URIs: ${mirror}`,
        `Suites: ${name}`,
        `Components: ${recipe.components.join(" ")}`,
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        "",
      ].join("\n"),
    )
    .join("\n");
}

function suitesOf(suite: string, settings: MirrorSettings): { name: string; mirror: string }[] {
  return [
    { name: suite, mirror: settings.mirror },
    { name: `${suite}-updates`, mirror: settings.mirror },
    { name: `${suite}-security`, mirror: settings.securityMirror },
  ];
}

/** A line for the shell that mmdebstrap runs its hooks with; `$1` is the tree. */
function writeLines(lines: readonly string[], file: string): string {
  const quoted = lines.map((line) => `'${line.replace(/'/g, "'\\''")}'`);
  return `printf '%s\\n' ${quoted.join(" ")} >${file}`;
}
