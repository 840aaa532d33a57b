import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { diskFault } from "../../lib/atomic.ts";
import { errnoOf, fault } from "../../lib/errors/error.ts";
import type { BuildStep } from "../../model/api/build.ts";
import { guestTree } from "../files.ts";
import { runInGuest } from "../guest-command.ts";
import type { Agent } from "../ports.ts";

/** A step that can be done: what it needs of the host was there. */
export interface ReadyStep {
  /** As one would write it on the command line; what the image remembers. */
  readonly title: string;
  /** Returns the status of what it ran. @throws as `runInGuest` */
  carryOut(agent: Agent, setting: StepSetting): Promise<number>;
}

export interface StepSetting {
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

const scriptLimit = 16 * 2 ** 20;
/** On a file system that is gone when the machine is. */
const scripts = "/run/banger-build";
/** Milliseconds; a step may compile something large. */
const timeout = 24 * 3600_000;

/** Looks at all of them before anything is done. @throws image_file_missing, image_file_invalid, directory_not_writable */
export async function readySteps(steps: readonly BuildStep[]): Promise<ReadyStep[]> {
  return await Promise.all(steps.map(ready));
}

async function ready(step: BuildStep): Promise<ReadyStep> {
  switch (step.kind) {
    case "run":
      return await scriptStep(step.script);
    case "command":
      return {
        title: `--run-command ${step.command}`,
        carryOut: (agent, setting) => run(agent, ["/bin/sh", "-c", step.command], setting),
      };
    case "copy":
      await present(step.source);
      return copyStep(step.source, step.target);
  }
}

async function scriptStep(path: string): Promise<ReadyStep> {
  const { size } = await present(path);
  if (size > scriptLimit) {
    throw fault("image_file_invalid", { path, problem: `is no script: it has ${size} bytes` });
  }
  const content = await readFile(path).catch((error: unknown) => {
    throw errnoOf(error) === "EISDIR"
      ? fault("image_file_invalid", { path, problem: "is a directory, not a script" }, error)
      : diskFault(error, path, "reading a script");
  });
  const hash = createHash("sha256").update(content).digest("hex");
  const inGuest = `${scripts}/${basename(path)}`;
  const carryOut = async (agent: Agent, setting: StepSetting): Promise<number> => {
    // Makes the directory, too.
    await agent.putFile({ path: inGuest, content: "", mode: 0o700 }, setting.signal);
    const store = { path: inGuest, mode: 0o700 };
    await guestTree.store(agent, store, Readable.from([content]), setting.signal);
    return await run(agent, interpreted(content, inGuest), setting);
  };
  return { title: `--run ${path} (sha256:${hash})`, carryOut };
}

function copyStep(source: string, target: string): ReadyStep {
  const trimmed = source.replace(/\/+$/, "");
  const name = basename(trimmed) === "." || trimmed === "" ? "." : basename(trimmed);
  const from = { path: Buffer.from(trimmed || "/"), name: Buffer.from(name) };
  const spec = { path: target, ...(target.endsWith("/") ? { directory: true } : {}) };
  return {
    title: `--copy ${source}:${target}`,
    carryOut: async (agent, { signal }) => {
      await guestTree.copyIn(agent, [from], spec, signal);
      return 0;
    },
  };
}

/** A file system that executes nothing, as `/run` may be, is no obstacle to this. */
function interpreted(content: Buffer, path: string): string[] {
  if (content.subarray(0, 4).equals(Buffer.from("\x7fELF", "latin1"))) return [path];
  const [first = ""] = content.toString("utf8", 0, 256).split("\n");
  const [, interpreter, argument] = /^#!\s*(\S+)(?:\s+(.*?))?\s*$/.exec(first) ?? [];
  if (interpreter === undefined) return ["/bin/sh", path];
  return argument ? [interpreter, argument, path] : [interpreter, path];
}

async function run(agent: Agent, args: string[], { env, cwd, signal, onLine }: StepSetting): Promise<number> {
  const spec = { args, env, ...(cwd === undefined ? {} : { cwd }) };
  const { code } = await runInGuest(agent, spec, { signal, timeout, what: "a step", onLine });
  return code;
}

async function present(path: string): Promise<{ size: number }> {
  try {
    return await stat(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") throw fault("image_file_missing", { path }, error);
    throw diskFault(error, path, "reading what a build needs");
  }
}
