import type { CopyResult } from "../../../client/banger.ts";
import { fault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { Invocation } from "../../args/spec.ts";
import { type CopyRequest, carryOutCopy, checkCopy } from "../../copy/copy.ts";
import { Meter } from "../../copy/meter.ts";
import { readOperand } from "../../copy/operand.ts";
import { operate } from "../../operate.ts";
import { printJson } from "../../output/json.ts";
import type { vmCp } from "../../specs/vm-copy.ts";
import type { World } from "../../world.ts";

export async function run({ flags, positionals }: Invocation<typeof vmCp>, world: World): Promise<number> {
  const last = positionals.at(-1) ?? "";
  const request: CopyRequest = {
    sources: positionals.slice(0, -1).map(readOperand),
    destination: readOperand(last),
    owner: flags.owner,
    archive: flags.archive,
    mode: modeOf(flags.mode),
    follow: !flags["no-dereference"],
  };
  checkCopy(request);
  const banger = world.connect();
  const toStream = request.destination.kind === "stream";
  const quiet = flags.quiet || toStream;
  const message = `copying ${positionals.slice(0, -1).join(", ")} to ${last}`;
  const result = await operate(world, { quiet }, async ({ signal, onProgress }, view) => {
    const meter = new Meter(onProgress ?? (() => undefined), message, world.now);
    const done = await carryOutCopy(request, {
      world,
      banger,
      meter,
      signal: signal ?? world.interrupts.signal,
    });
    meter.done(`copied ${amountOf(done)} to ${last}`);
    if (done.leftOut > 0) view.note(leftOut(done.leftOut));
    return done;
  });
  if (flags.json && !toStream) printJson(world.stdout, result);
  return 0;
}

function amountOf({ entries, bytes }: CopyResult): string {
  return `${entries} ${entries === 1 ? "file" : "files"}, ${formatSize(bytes)},`;
}

function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-7]{3,4}$/.test(text)) {
    throw fault("invalid_value", { what: "--mode", value: text, expected: "three or four octal digits" });
  }
  return Number.parseInt(text, 8);
}

function leftOut(count: number): string {
  return `${count} ${count === 1 ? "device or attribute was" : "devices or attributes were"} left out: they cannot be made there`;
}
