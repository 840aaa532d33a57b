import { createHash } from "node:crypto";
import { readTar } from "../../archive/tar/read.ts";
import type { DebianArchive } from "../../debian/archive.ts";
import { type Context, step } from "../../lib/context.ts";
import { isFault } from "../../lib/errors/error.ts";
import { stream } from "../../lib/process.ts";
import { parseSize } from "../../lib/size.ts";
import type { Addition } from "../recipe/additions.ts";
import { applyRecipe } from "../recipe/apply.ts";
import { loadRecipe } from "../recipe/load.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { writeRootfs } from "../rootfs.ts";
import type { BuiltRootfs, RootfsSource } from "../source.ts";
import { commandLine, guestSources, type MirrorSettings, sourceLines } from "./command.ts";
import { buildEnvironment } from "./environment.ts";
import { explainFailure } from "./failures.ts";
import { chooseMode, hostLibc } from "./mode.ts";
import { BuildProgress, LineSplitter, OutputTail } from "./output.ts";
import { Workspace } from "./workspace.ts";

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

const program = "mmdebstrap";
/** Milliseconds. A build takes about one minute; a slow mirror may make it many. */
const timeout = 2 * 3600 * 1000;
/** mmdebstrap removes its tree when it is told to end. */
const grace = 10_000;

/** Builds images from Debian's archive on this host, without privileges and without keeping the image in memory. */
export class DebianBuilder implements RootfsSource<"debian"> {
  readonly #options: DebianBuilderOptions;

  constructor(options: DebianBuilderOptions) {
    this.#options = options;
  }

  /**
   * @throws archive_unreachable, archive_bad_signature, archive_release_expired, archive_release_in_future,
   *   archive_malformed, archive_bad_hash, archive_package_missing, tool_missing, no_space, directory_not_writable,
   *   image_recipe_invalid, root_filesystem_invalid, image_build_failed, interrupted
   */
  async build(
    name: string,
    source: { recipe: string },
    path: string,
    context: Context,
  ): Promise<BuiltRootfs> {
    const recipe = await loadRecipe(source.recipe, this.#options.recipes);
    const time = await step(context, "image.archive", "checking the archive's signatures", () =>
      this.#timeOfArchive(recipe, context),
    );
    await using workspace = await Workspace.create(this.#options.workspaces);
    await this.#run(name, recipe, { path, time, workspace }, context);
    return { init: recipe.init, detail: `${recipe.suite} of ${new Date(time * 1000).toISOString()}` };
  }

  /** Seconds since the epoch of the newest release file. Nothing in the image is newer: same archive, same image. */
  async #timeOfArchive(recipe: Recipe, context: Context): Promise<number> {
    const releases = await this.#options.archive.releases(recipe.suite, context);
    return Math.floor(Math.max(...releases.map((release) => release.date.getTime())) / 1000);
  }

  async #run(
    name: string,
    recipe: Recipe,
    { path, time, workspace }: { path: string; time: number; workspace: Workspace },
    context: Context,
  ): Promise<void> {
    const { archive, env = process.env, log } = this.#options;
    const checkValidUntil = await archive.checksValidUntil(context.signal);
    const additions = guestConfiguration(recipe, this.#options, checkValidUntil);
    const args = commandLine(recipe, {
      mode: chooseMode(hostLibc(), recipe.libc, process.getuid?.() ?? 0),
      keyring: await archive.keyring(),
      checkValidUntil,
    });
    const identity = createHash("sha256")
      .update(JSON.stringify([name, recipe, additions, time]))
      .digest("hex");
    const tail = new OutputTail();
    const stages = new Stages(context);
    const lines = new LineSplitter((line) => {
      stages.line(line);
      tail.push(line);
      log?.(line);
    });
    try {
      await stream(
        program,
        args,
        {
          signal: context.signal,
          timeout,
          grace,
          group: true,
          env: buildEnvironment(env, workspace.path, time),
          onStderr: (chunk) => lines.push(chunk),
        },
        async ({ stdin, stdout, pid }) => {
          await workspace.recordGroup(pid);
          // When the program ends before it has read the sources, its status tells the story.
          stdin.on("error", () => undefined);
          stdin.end(sourceLines(recipe, this.#options));
          const members = applyRecipe(readTar(stdout), recipe, { time, additions });
          const size = parseSize("size", recipe.size);
          const journal = parseSize("journal", recipe.journal);
          await writeRootfs(members, { path, size, journal, identity, time }, context);
        },
      );
      stages.end();
    } catch (error) {
      lines.end();
      if (!isFault(error, "tool_failed")) throw error;
      const build = { image: name, suite: recipe.suite, output: tail.text(), workspace: workspace.path };
      throw explainFailure({ ...build, cause: error });
    }
  }
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

/** The two parts of a build that a person sees: getting packages into a tree, and writing the tree. */
class Stages {
  readonly #context: Context;
  readonly #packages: BuildProgress;
  #began = performance.now();
  #writing = false;

  constructor(context: Context) {
    this.#context = context;
    this.#packages = new BuildProgress(context.report);
    context.report({
      stage: "image.packages",
      state: "started",
      message: "installing packages into a new tree",
    });
  }

  line(text: string): void {
    this.#packages.line(text);
    if (text.startsWith("I: creating tarball")) {
      this.#done("image.packages", "packages installed");
      this.#context.report({
        stage: "image.rootfs",
        state: "started",
        message: "writing the root file system",
      });
      this.#writing = true;
    }
  }

  end(): void {
    if (this.#writing) this.#done("image.rootfs", "root file system written");
  }

  #done(stage: string, message: string): void {
    const now = performance.now();
    this.#context.report({ stage, state: "done", message, elapsed: Math.round(now - this.#began) });
    this.#began = now;
  }
}
