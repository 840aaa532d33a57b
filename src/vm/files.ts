import { dirname } from "node:path/posix";
import { packTree, type TreeSource } from "../archive/tree/pack.ts";
import type { CopyResult } from "../archive/tree/unpack.ts";
import type { PackSpec, StoreSpec, UnpackSpec } from "../guest/copy.ts";
import { show } from "../lib/errors/define.ts";
import { fedTo, packedBy, refused } from "./copy.ts";
import type { Agent } from "./ports.ts";

/** Files in and out of a guest, by its agent. */
export const guestTree = { pack, unpack, store, copyIn };

/** Resolves when the guest has begun to pack. @throws file_missing, copy_failed, and as all operations of the agent */
async function pack(agent: Agent, spec: PackSpec, signal: AbortSignal): Promise<AsyncGenerator<Buffer>> {
  const path = String(spec.path);
  const guest = await agent.pack(spec, signal).catch((error: unknown) => {
    throw refused(error, path, show(path));
  });
  return packedBy(guest, path, signal);
}

async function unpack(
  agent: Agent,
  spec: UnpackSpec,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<CopyResult> {
  const path = String(spec.path);
  const guest = await agent.unpack(spec, signal).catch((error: unknown) => {
    throw refused(error, spec.directory ? path : dirname(path), `to ${show(path)}`);
  });
  return await fedTo(guest, archive, path, signal);
}

async function store(
  agent: Agent,
  spec: StoreSpec,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<CopyResult> {
  const path = String(spec.path);
  const guest = await agent.store(spec, signal).catch((error: unknown) => {
    throw refused(error, dirname(path), `to ${show(path)}`);
  });
  return await fedTo(guest, content, path, signal);
}

/** Files and directories of the host. @throws also what `packTree` throws */
async function copyIn(
  agent: Agent,
  sources: readonly TreeSource[],
  spec: UnpackSpec,
  signal: AbortSignal,
): Promise<CopyResult> {
  return await packTree(sources, { signal }, (archive) => unpack(agent, spec, archive, signal));
}
