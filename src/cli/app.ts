import { Banger } from "../client/banger.ts";
import { fault } from "../lib/errors/error.ts";
import { resolvePaths } from "../lib/paths.ts";
import { dispatch } from "./dispatch.ts";
import { Interrupts } from "./interrupts.ts";
import { printError } from "./output/error.ts";
import type { World } from "./world.ts";

/** Exit status of a program that SIGPIPE ended. */
const brokenPipe = 141;

const world: World = {
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  env: process.env,
  paths: resolvePaths(),
  interrupts: new Interrupts(process),
  now: () => Date.now(),
  connect: ({ autostart = true, anyBuild = false } = {}) =>
    new Banger({ env: world.env, autostart, sameBuild: !anyBuild }),
  replace: async (...program) => (await import("./ssh/replace-process.ts")).replaceProcess(world, ...program),
  passOutputThrough: async () => (await import("./session/output-mode.ts")).passOutputThrough(),
};

/** Carries out a command line in this process, and ends it. */
export async function runProcess(words: readonly string[]): Promise<never> {
  process.stdout.on("error", giveUp);
  // The terminal may have gone.
  process.stderr.on("error", () => undefined);
  const status = await dispatch(words, world);
  await flushed(process.stdout);
  if (process.stdout.errored) giveUp(process.stdout.errored);
  await flushed(process.stderr);
  process.exit(status);
}

/** Whoever reads the results may have read enough (`| head`); anything else loses them. */
function giveUp(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(brokenPipe);
  const known =
    error.code === "ENOSPC"
      ? fault("no_space", { path: "standard output", doing: "writing to it" }, error)
      : fault("internal", { detail: "standard output cannot be written" }, error);
  printError(process.stderr, known, { json: false, env: process.env });
  process.exit(known.exit);
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.once("close", () => resolve());
    stream.write("", () => resolve());
  });
}
