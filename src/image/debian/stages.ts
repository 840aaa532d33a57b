import type { Context } from "../../lib/context.ts";
import { BuildProgress } from "./output.ts";

/** The two parts of a build that a person sees: getting packages into a tree, and writing the tree. */
export class Stages {
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

  /** A line of the program's. */
  line(text: string): void {
    this.#packages.line(text);
    if (this.#writing || !text.startsWith("I: creating tarball")) return;
    this.#writing = true;
    this.#done("image.packages", "packages installed");
    this.#context.report({
      stage: "image.rootfs",
      state: "started",
      message: "writing the root file system",
    });
  }

  /** All went well. */
  end(): void {
    if (this.#writing) this.#done("image.rootfs", "root file system written");
  }

  #done(stage: string, message: string): void {
    const now = performance.now();
    this.#context.report({ stage, state: "done", message, elapsed: Math.round(now - this.#began) });
    this.#began = now;
  }
}
