import type { Banger, CopyResult } from "../../client/banger.ts";
import { write } from "../output/write.ts";
import type { World } from "../world.ts";
import type { Meter } from "./meter.ts";
import { type Operand, refused } from "./operand.ts";

export interface CopyRequest {
  readonly sources: readonly Operand[];
  readonly destination: Operand;
  readonly owner: string | undefined;
  readonly archive: boolean;
  /** Of a file from standard input. */
  readonly mode: number | undefined;
  readonly follow: boolean;
}

interface Tools {
  readonly world: World;
  readonly banger: Banger;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}

type Machine = Extract<Operand, { kind: "machine" }>;

/** What is wrong with a request, before anything is done. @throws bad_usage */
export function checkCopy({ sources, destination, owner, archive, mode }: CopyRequest): void {
  const streams = sources.filter(({ kind }) => kind === "stream").length;
  const machines = sources.filter(({ kind }) => kind === "machine").length;
  if (streams > 0 && sources.length > 1) throw refused("standard input cannot be one of several sources");
  if (destination.kind === "stream" && sources.length > 1) {
    throw refused("only one source can go to standard output");
  }
  if (machines > 0 && machines < sources.length) {
    throw refused("sources of this host and of machines cannot be mixed in one copy");
  }
  if (machines === 0 && destination.kind !== "machine") {
    throw refused("neither side is in a machine: write it as VM:/PATH");
  }
  if (owner !== undefined && destination.kind !== "machine") {
    throw refused("--owner is for copies into a machine; here files belong to you");
  }
  if (mode !== undefined && (streams === 0 || archive)) {
    throw refused("--mode is for a file from standard input; others keep their own");
  }
}

/** Carries a copy out. Of the content of a file that went to standard output there is no account. */
export async function carryOutCopy(request: CopyRequest, tools: Tools): Promise<CopyResult> {
  const { sources, destination } = request;
  const machines = sources.filter((source) => source.kind === "machine");
  if (destination.kind === "machine" && machines.length === 0)
    return await copyIn(request, destination, tools);
  const results: CopyResult[] = [];
  for (const source of machines) {
    results.push(await copyFrom(source, request, tools));
    tools.meter.nextPart();
  }
  return results.reduce(added);
}

async function copyIn(request: CopyRequest, { vm, path }: Machine, tools: Tools): Promise<CopyResult> {
  const { sources, owner, archive, mode, follow } = request;
  const files = await tools.banger.vms.files(vm);
  const common = { signal: tools.signal, onBytes: tools.meter.onBytes, owner };
  const [first] = sources;
  if (first?.kind === "stream") {
    const input = tools.world.stdin as unknown as AsyncIterable<Uint8Array>;
    if (!archive) return await files.write(path, input, { ...common, mode });
    return await files.unpack(path, input, { ...common, keepOwners: owner === undefined, directory: true });
  }
  const paths = sources.flatMap((source) => (source.kind === "host" ? [source.path] : []));
  const options = { ...common, follow, keepOwners: archive, directory: paths.length > 1 };
  return await files.copyIn(paths, path, options);
}

async function copyFrom(source: Machine, request: CopyRequest, tools: Tools): Promise<CopyResult> {
  const { destination, sources, owner, archive, follow } = request;
  const { signal, meter } = tools;
  const files = await tools.banger.vms.files(source.vm);
  const common = { signal, onBytes: meter.onBytes, follow, directory: sources.length > 1 };
  if (destination.kind === "host") return await files.copyOut(source.path, destination.path, common);
  if (destination.kind === "machine") {
    const packed = await files.packChecked(source.path, { signal, follow });
    const other = await tools.banger.vms.files(destination.vm);
    return await other.unpack(destination.path, packed, { ...common, owner, keepOwners: archive });
  }
  const content = archive ? await files.pack(source.path, common) : files.read(source.path, common);
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    await write(tools.world.stdout, piece);
  }
  return { entries: 1, bytes, leftOut: 0 };
}

function added(one: CopyResult, other: CopyResult): CopyResult {
  return {
    entries: one.entries + other.entries,
    bytes: one.bytes + other.bytes,
    leftOut: one.leftOut + other.leftOut,
  };
}
