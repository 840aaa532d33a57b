import { resolvePaths } from "../lib/paths.ts";
import { dispatch } from "./dispatch.ts";
import { Interrupts } from "./interrupts.ts";
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
  connect: async ({ autostart = true, anyBuild = false } = {}) => {
    const { Banger } = await import("../client/banger.ts");
    return new Banger({ paths: world.paths, autostart, sameBuild: !anyBuild });
  },
};

await main();

async function main(): Promise<void> {
  // Whoever reads the results may have read enough (`| head`).
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(brokenPipe);
  });
  // The terminal may have gone.
  process.stderr.on("error", () => undefined);
  const status = await dispatch(process.argv.slice(2), world);
  await flushed(process.stdout);
  await flushed(process.stderr);
  process.exit(status);
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.once("close", () => resolve());
    stream.write("", () => resolve());
  });
}
