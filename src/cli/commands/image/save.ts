import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Report } from "../../../lib/context.ts";
import { fault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { counted } from "../../output/counted.ts";
import { printJson } from "../../output/json.ts";
import { write } from "../../output/write.ts";
import type { imageSave } from "../../specs/image.ts";
import type { World } from "../../world.ts";

export async function run(
  { flags, positionals }: Invocation<typeof imageSave>,
  world: World,
): Promise<number> {
  const [ref = ""] = positionals;
  const { output = "-" } = flags;
  if (output === "-") refuse(flags, world);
  else await checkDirectory(output);
  const banger = world.connect();
  const size = await operate(world, flags, async ({ signal, onProgress = () => undefined }) => {
    const pieces = banger.images.save(ref, signal ? { signal } : {});
    const report: Report = onProgress;
    const bundle = counted(pieces, report, { stage: "image.save", message: `saving ${ref}` });
    if (output === "-") {
      for await (const piece of bundle.pieces) await write(world.stdout, piece);
    } else {
      const { writeStreamAtomic } = await import("../../output/atomic-stream.ts");
      await writeStreamAtomic(resolve(output), bundle.pieces);
    }
    return bundle.size();
  });
  if (output === "-") return 0;
  if (flags.json) printJson(world.stdout, { path: resolve(output), size });
  else world.stdout.write(`${output}\n`);
  return 0;
}

function refuse({ json }: { json: boolean }, world: World): void {
  const bad = (problem: string): Error => fault("bad_usage", { problem, command: "image save" });
  if (world.stdout.isTTY) throw bad("a bundle is not written to a terminal: name a file with -o");
  if (json) throw bad("--json needs a file to write the bundle to: name one with -o");
}

/** Said at once, not after the image has been read. */
async function checkDirectory(output: string): Promise<void> {
  const directory = dirname(resolve(output));
  const status = await stat(directory).catch(() => undefined);
  if (!status) throw fault("file_unusable", { path: output, reason: "its directory does not exist" });
  const target = await stat(resolve(output)).catch(() => undefined);
  if (target?.isDirectory()) throw fault("file_unusable", { path: output, reason: "it is a directory" });
}
