import { constants } from "node:fs";
import { copyFile, link, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFault } from "../../lib/atomic.ts";
import type { Context } from "../../lib/context.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import type { VmDisk, VmRecord } from "../../store/vm-repository.ts";
import type { VmParts } from "../parts.ts";
import type { Template } from "./store.ts";

/** What of the template's disk a copy keeps for itself, beside its own. */
const baseName = "base.qcow2";

/**
 * Makes the disk of a copy: an empty layer over the template's disk, which the copy holds under a name of its own, so that the
 * template can go.
 *
 * @throws no_space, directory_not_writable, interrupted
 */
export async function copyDisk(
  parts: VmParts,
  record: VmRecord,
  template: Template,
  context: Context,
): Promise<VmDisk> {
  const directory = parts.files.directory(record.id);
  const base = join(directory, baseName);
  await parts.files.clear(record.id);
  await share(template.disk, base);
  const made = await parts.driver.createDisk(
    { directory, base: { path: base, format: "qcow2" }, size: record.spec.disk },
    context.signal,
  );
  return { ...made, size: record.spec.disk };
}

/** One more name, or another file where templates lie on a file system of their own. */
async function share(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV" && errnoOf(error) !== "EPERM" && errnoOf(error) !== "EMLINK") {
      throw diskFault(error, to, "making the machine's disk");
    }
    await rm(to, { force: true });
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch(
      (failed: unknown) => {
        throw diskFault(failed, to, "making the machine's disk");
      },
    );
  }
}
