import type { Readable } from "node:stream";
import type { Context } from "../../lib/context.ts";
import { isFault } from "../../lib/errors/error.ts";
import { stream } from "../../lib/process.ts";
import { explainFailure } from "./failures.ts";
import { LineSplitter, OutputTail } from "./output.ts";
import { Stages } from "./stages.ts";
import type { Workspace } from "./workspace.ts";

export interface Build {
  /** Name of the image, and the suite that it is made of. */
  image: string;
  suite: string;
  args: readonly string[];
  /** Lines for sources.list. */
  sources: string;
  env: NodeJS.ProcessEnv;
  workspace: Workspace;
  /** Hears every line that the program prints. */
  log: (line: string) => void;
}

const program = "mmdebstrap";
/** Milliseconds. A build takes about one minute; a slow mirror may make it many. */
const timeout = 2 * 3600 * 1000;
/** mmdebstrap removes its tree when it is told to end. */
const grace = 10_000;

/**
 * Runs mmdebstrap and hands the archive that it writes to `consume`.
 *
 * @throws the errors of `explainFailure`, timed_out, interrupted, and what `consume` throws
 */
export async function runMmdebstrap(
  build: Build,
  consume: (archive: Readable) => Promise<void>,
  context: Context,
): Promise<void> {
  const { args, env, workspace, sources, log } = build;
  const tail = new OutputTail();
  const stages = new Stages(context);
  const lines = new LineSplitter((line) => {
    stages.line(line);
    tail.push(line);
    log(line);
  });
  const onStderr = (chunk: Buffer): void => lines.push(chunk);
  let consuming: unknown;
  try {
    const options = { signal: context.signal, timeout, grace, group: true, env, onStderr };
    await stream(program, args, options, async ({ stdin, stdout }) => {
      // When the program ends before it has read the sources, its status tells the story.
      stdin.on("error", () => undefined);
      stdin.end(sources);
      try {
        await consume(stdout);
      } catch (error) {
        consuming = error;
        throw error;
      }
    });
    stages.end();
  } catch (error) {
    lines.end();
    if (!isFault(error, "tool_failed")) throw error;
    // An archive that ends early is the program's doing; anything else is what has ended the program.
    if (consuming && !isFault(consuming, "archive_truncated", "archive_invalid")) throw consuming;
    throw explainFailure({ ...build, output: tail.text(), workspace: workspace.path, cause: error });
  }
}
