import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTar } from "../../archive/tar/read.ts";
import type { DebianArchive } from "../../debian/archive.ts";
import { type Context, step } from "../../lib/context.ts";
import { parseSize } from "../../lib/size.ts";
import type { Addition } from "../recipe/additions.ts";
import { applyRecipe } from "../recipe/apply.ts";
import { loadRecipe } from "../recipe/load.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { writeRootfs } from "../rootfs.ts";
import type { BuiltRootfs, RootfsSource } from "../source.ts";
import { commandLine, guestSources, type MirrorSettings, sourceLines } from "./command.ts";
import { buildEnvironment } from "./environment.ts";
import { type BuildMode, chooseMode, hostLibc } from "./mode.ts";
import { runMmdebstrap } from "./run.ts";
import { removeStaleWorkspaces, Workspace } from "./workspace.ts";

export interface DebianBuilderOptions extends MirrorSettings {
  archive: Pick<DebianArchive, "releases" | "keyring" | "checksValidUntil">;
  /** Directory for the trees that are being built; it needs some gigabytes, so it is not for a RAM disk. */
  workspaces: string;
  /** Directory of the recipes. Default: those of this package. */
  recipes?: string;
  env?: NodeJS.ProcessEnv;
  /** Hears every line that the builder prints. */
  log?: (line: string) => void;
}

/** Builds images from Debian's archive on this host, without privileges and without keeping the image in memory. */
export class DebianBuilder implements RootfsSource<"debian"> {
  readonly #options: DebianBuilderOptions;

  constructor(options: DebianBuilderOptions) {
    this.#options = options;
  }

  async removeLeftovers(): Promise<void> {
    await removeStaleWorkspaces(this.#options.workspaces);
    await removeStaleWorkspaces(openWorkspaces());
  }

  /**
   * @throws archive_unreachable, archive_bad_signature, archive_release_expired, archive_release_in_future,
   *   archive_malformed, archive_bad_hash, archive_package_missing, tool_missing, no_space, directory_not_writable,
   *   image_recipe_invalid, root_filesystem_invalid, image_build_failed, timed_out, interrupted
   */
  async build(
    name: string,
    source: { recipe: string },
    path: string,
    context: Context,
  ): Promise<BuiltRootfs> {
    const { archive, env = process.env, log = () => undefined } = this.#options;
    const recipe = await loadRecipe(source.recipe, this.#options.recipes);
    const time = await step(context, "image.archive", "checking the archive's signatures", () =>
      this.#timeOfArchive(recipe, context),
    );
    const checkValidUntil = await archive.checksValidUntil(context.signal);
    const additions = guestConfiguration(recipe, this.#options, checkValidUntil);
    const mode = chooseMode(hostLibc(), recipe.libc, process.getuid?.() ?? 0);
    await using workspace = await this.#workspace(mode);
    const keyring = join(workspace.path, "keyring.gpg");
    await writeFile(keyring, await readFile(await archive.keyring()), { mode: 0o644 });
    const args = commandLine(recipe, { mode, keyring, checkValidUntil });
    let sha256: string | undefined;
    await runMmdebstrap(
      {
        image: name,
        suite: recipe.suite,
        args,
        sources: sourceLines(recipe, this.#options),
        env: buildEnvironment(env, workspace.path, time),
        workspace,
        log,
      },
      async (tree) => {
        const members = applyRecipe(readTar(tree), recipe, { time, additions });
        const identity = identityOf([name, recipe, additions, time]);
        ({ sha256 } = await writeRootfs(members, { path, ...sizesOf(recipe), identity, time }, context));
      },
      context,
    );
    const detail = `${recipe.suite} of ${new Date(time * 1000).toISOString()}`;
    return { init: recipe.init, detail, ...(sha256 === undefined ? {} : { sha256 }) };
  }

  async #workspace(mode: BuildMode): Promise<Workspace> {
    if (mode !== "unshare") return await Workspace.create(this.#options.workspaces);
    return await Workspace.create(openWorkspaces(), true);
  }

  /** Seconds since the epoch of the newest release file. Nothing in the image is newer: same archive, same image. */
  async #timeOfArchive(recipe: Recipe, context: Context): Promise<number> {
    const releases = await this.#options.archive.releases(recipe.suite, context);
    return Math.floor(Math.max(...releases.map((release) => release.date.getTime())) / 1000);
  }
}

/** In a name space of its own the builder is another user, who cannot go through a home directory. */
function openWorkspaces(): string {
  return join(tmpdir(), `banger-build-${process.getuid?.() ?? 0}`);
}

/** The machine's own apt uses the mirror that it was built from, under the same conditions. */
function guestConfiguration(recipe: Recipe, mirrors: MirrorSettings, checkValidUntil: boolean): Addition[] {
  const additions = [
    { path: "/etc/apt/sources.list.d/debian.sources", mode: 0o644, content: guestSources(recipe, mirrors) },
  ];
  if (checkValidUntil) return additions;
  const content = 'Acquire::Check-Valid-Until "false";\n';
  return [...additions, { path: "/etc/apt/apt.conf.d/90banger-dated-mirror", mode: 0o644, content }];
}

function sizesOf(recipe: Recipe): { size: number; journal: number } {
  return { size: parseSize("size", recipe.size), journal: parseSize("journal", recipe.journal) };
}

function identityOf(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
