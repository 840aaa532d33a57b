import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Report } from "../../../lib/context.ts";
import { errnoOf, fault, isFault, messageOf } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { operate } from "../../operate.ts";
import { counted } from "../../output/counted.ts";
import { printJson } from "../../output/json.ts";
import type { imageLoad } from "../../specs/image.ts";
import type { World } from "../../world.ts";

const pieceSize = 256 * 1024;

export async function run(
  { flags, positionals }: Invocation<typeof imageLoad>,
  world: World,
): Promise<number> {
  const input = inputOf(flags.input, positionals[0], world);
  const source = await openInput(input, world);
  const banger = world.connect();
  const image = await operate(world, flags, async ({ signal, onProgress = () => undefined }) => {
    const kernel = flags["kernel-ref"];
    const request = {
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(kernel === undefined ? {} : { kernel }),
    };
    const report: Report = onProgress;
    const message = input === "-" ? "loading the image" : `loading ${input}`;
    const step = { stage: "image.load", message, ...source.total };
    const { pieces } = counted(source.pieces, report, step);
    return await banger.images.load(pieces, request, signal ? { signal } : {});
  });
  if (flags.json) printJson(world.stdout, image);
  else world.stdout.write(`${image.id}\n`);
  return 0;
}

function inputOf(flag: string | undefined, word: string | undefined, world: World): string {
  const bad = (problem: string): Error => fault("bad_usage", { problem, command: "image load" });
  if (flag !== undefined && word !== undefined) throw bad("the file is named twice");
  const input = flag ?? word;
  if (input === undefined) throw bad("a file is missing; - is standard input");
  if (input === "-" && world.stdin.isTTY) throw bad("a bundle is not read from a terminal: name a file");
  return input;
}

interface Input {
  pieces: AsyncIterable<Uint8Array>;
  total: { total?: number };
}

async function openInput(path: string, world: World): Promise<Input> {
  if (path === "-") return { pieces: world.stdin as AsyncIterable<Uint8Array>, total: {} };
  try {
    const status = await stat(path);
    if (status.isDirectory()) throw fault("file_unusable", { path, reason: "it is a directory" });
    const total = status.isFile() ? { total: status.size } : {};
    return { pieces: readPieces(path), total };
  } catch (error) {
    throw unusable(path, error);
  }
}

async function* readPieces(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: pieceSize });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): unknown {
  if (isFault(error) || errnoOf(error) === undefined) return error;
  const reason = errnoOf(error) === "ENOENT" ? "there is no such file" : messageOf(error);
  return fault("file_unusable", { path, reason }, error);
}
