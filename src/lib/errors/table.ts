import { archiveErrors } from "./areas/archive.ts";
import { daemonErrors } from "./areas/daemon.ts";
import { debianErrors } from "./areas/debian.ts";
import { fileErrors } from "./areas/files.ts";
import { guestErrors } from "./areas/guest.ts";
import { hostErrors } from "./areas/host.ts";
import { imageErrors } from "./areas/image.ts";
import { kernelErrors } from "./areas/kernel.ts";
import { registryErrors } from "./areas/registry.ts";
import { usageErrors } from "./areas/usage.ts";
import { vmErrors } from "./areas/vm.ts";
import { vmmErrors } from "./areas/vmm.ts";

/**
 * Every error that banger can report. The key is the stable code, part of the API and the heading of its
 * section in docs/errors.md, which is generated from this table.
 */
export const errorTable = {
  ...usageErrors,
  ...hostErrors,
  ...archiveErrors,
  ...debianErrors,
  ...imageErrors,
  ...registryErrors,
  ...kernelErrors,
  ...vmErrors,
  ...vmmErrors,
  ...guestErrors,
  ...fileErrors,
  ...daemonErrors,
};
