import { stat } from "node:fs/promises";
import type { TarMember } from "../../archive/tar/entry.ts";
import { readTar } from "../../archive/tar/read.ts";
import { packTree } from "../../archive/tree/pack.ts";
import { type Context, step } from "../../lib/context.ts";
import { findInit } from "../oci/init.ts";
import { type ContentSize, sizesFor } from "../oci/size.ts";
import { nameRoom } from "../oci/survey.ts";
import { openRootfs, reportInterval, reportWritten } from "../rootfs.ts";

export interface DirectoryOptions {
  /** Bytes of the file system. Default: the content and a quarter, and some more. */
  size?: number | undefined;
  /** Of everything, instead of who owns it on this host. */
  owner?: { uid: number; gid: number } | undefined;
}

const blockSize = 4096;
const osRelease = /^(?:usr\/lib|etc)\/os-release$/;
const osReleaseLimit = 64 * 1024;

/**
 * Writes a directory of the host as a root file system: modes, owners, times, links, holes and extended attributes are kept. It is
 * read twice, and should not change meanwhile.
 *
 * @throws file_missing, copy_failed, root_filesystem_invalid, no_space, directory_not_writable, interrupted
 */
export async function writeDirectory(
  directory: string,
  rootfs: string,
  { size, owner }: DirectoryOptions,
  context: Context,
): Promise<{ init: string | undefined; distro: string | undefined }> {
  const survey = await step(context, "image.survey", `looking through ${directory}`, () =>
    readThrough(directory, context, surveyOf),
  );
  const identity = `directory ${directory} ${(await stat(directory)).ino}`;
  const sizes = sizesFor(survey, size);
  return await step(context, "image.rootfs", "writing the root file system", async () => {
    await using writer = await openRootfs({ path: rootfs, ...sizes, identity, time: 0 }, context.signal);
    let distro: string | undefined;
    let written = 0;
    let reported = 0;
    await readThrough(directory, context, async (members) => {
      for await (const member of members) {
        const own = owner ? { ...member, ...owner } : member;
        const path = member.path.toString("latin1").replace(/^\.\//, "");
        if (member.type === "file" && osRelease.test(path) && member.size <= osReleaseLimit) {
          const data = await contentOf(member);
          await writer.add(own, once({ offset: 0, data }));
          distro = /^ID=["']?([a-z0-9._-]{1,64})["']?$/m.exec(data.toString("utf8"))?.[1] ?? distro;
        } else await writer.add(own, member.extents);
        written += member.size;
        if (written - reported < reportInterval) continue;
        reported = written;
        reportWritten(context, written);
      }
    });
    const init = findInit((at) => writer.find(Buffer.from(at)));
    await writer.finish();
    return { init, distro };
  });
}

async function readThrough<T>(
  directory: string,
  { signal }: Context,
  consume: (members: AsyncIterable<TarMember>) => Promise<T>,
): Promise<T> {
  const source = { path: Buffer.from(directory), name: Buffer.from(".") };
  return await packTree([source], { signal }, (archive) => consume(readTar(archive)));
}

/** What will be written, in whole blocks. */
async function surveyOf(members: AsyncIterable<TarMember>): Promise<ContentSize> {
  const survey = { entries: 0, directories: 0, nameBytes: 0, bytes: 0 };
  for await (const member of members) {
    survey.entries += 1;
    survey.nameBytes += nameRoom(member.path);
    if (member.type === "directory") survey.directories += 1;
    if (member.type !== "file") continue;
    let bytes = 0;
    for await (const { data } of member.extents) bytes += data.length;
    survey.bytes += Math.ceil(bytes / blockSize) * blockSize;
  }
  return survey;
}

async function contentOf(member: TarMember): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of member.content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}
