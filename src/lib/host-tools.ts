import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program of the host that banger runs, and the Debian package that brings it. */
export interface HostTool {
  program: string;
  package: string;
  purpose: string;
}

/** What a machine and the building of its image need. */
export const hostTools: readonly HostTool[] = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86", purpose: "running machines" },
  { program: "qemu-img", package: "qemu-utils", purpose: "making disks" },
  { program: "gpgv", package: "gpgv", purpose: "checking the signature of Debian's archive" },
  { program: "xz", package: "xz-utils", purpose: "unpacking Debian's packages" },
  { program: "depmod", package: "kmod", purpose: "indexing a kernel's modules" },
  { program: "mmdebstrap", package: "mmdebstrap", purpose: "building images" },
  { program: "fakechroot", package: "fakechroot", purpose: "building images without root" },
  { program: "fakeroot", package: "fakeroot", purpose: "building images without root" },
];

/** What a checkout needs besides, to build the guest's agent. */
export const buildTools: readonly HostTool[] = [
  { program: "cc", package: "gcc", purpose: "building the guest agent" },
  { program: "musl-gcc", package: "musl-tools", purpose: "building the guest agent" },
];

export function missingTools(
  tools: readonly HostTool[],
  path: string | undefined = process.env.PATH,
): HostTool[] {
  return tools.filter(({ program }) => findProgram(program, path) === undefined);
}

/** Where a program is: on the PATH, or in the system folders that an ordinary user's PATH may lack. */
export function findProgram(name: string, path: string | undefined = process.env.PATH): string | undefined {
  const folders = [...(path ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The command that installs what is missing, for people to copy. */
export function installCommand(tools: readonly HostTool[]): string {
  const packages = [...new Set(tools.map((tool) => tool.package))];
  return `sudo apt-get install --no-install-recommends ${packages.join(" ")}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
