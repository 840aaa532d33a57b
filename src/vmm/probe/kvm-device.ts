import { accessSync, constants, type Stats, statSync } from "node:fs";
import { errnoOf } from "../../lib/errors/error.ts";

/** What can be told of KVM without running anything. `stamp` changes when the device is made anew. */
export type KvmDevice = { usable: true; stamp: string } | { usable: false; reason: string };

export function examineKvmDevice(path = "/dev/kvm"): KvmDevice {
  let status: Stats | undefined;
  try {
    status = statSync(path, { throwIfNoEntry: false });
    if (!status) return { usable: false, reason: `there is no ${path}` };
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const denied = errnoOf(error) === "EACCES" || errnoOf(error) === "EPERM";
    const problem = denied ? "may not be opened by this user" : `cannot be opened (${errnoOf(error)})`;
    return { usable: false, reason: `${path} ${problem}` };
  }
  if (!status.isCharacterDevice()) return { usable: false, reason: `${path} is not a device` };
  return { usable: true, stamp: `${status.rdev}:${status.ino}:${status.ctimeMs}` };
}
