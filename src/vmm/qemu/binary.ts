import { type Stats, statSync } from "node:fs";
import { fault } from "../../lib/errors/error.ts";
import { findProgram, hostTools, installCommand } from "../../lib/host-tools.ts";
import { run } from "../../lib/process.ts";

const program = "qemu-system-x86_64";
/** The oldest with everything that is used here (that of Ubuntu 22.04). */
const oldest = { major: 6, minor: 2 };
const versionTimeout = 20_000;

/** The QEMU on the PATH. */
export interface QemuBinary {
  readonly path: string;
  /** Such as `7.2.22`. */
  readonly version: string;
  /** Changes whenever another QEMU takes this one's place: path, size, time of change. */
  readonly stamp: string;
}

const known = new Map<string, QemuBinary>();

/**
 * Finds QEMU and asks its version, once for each binary.
 *
 * @throws vmm_missing, unsupported_here, tool_failed, timed_out, interrupted
 */
export async function findQemu(
  signal?: AbortSignal,
  path: string | undefined = process.env.PATH,
): Promise<QemuBinary> {
  const found = findProgram(program, path);
  const status = found === undefined ? undefined : statSync(found, { throwIfNoEntry: false });
  if (found === undefined || !status) throw missing();
  const stamp = stampOf(found, status);
  const before = known.get(stamp);
  if (before) return before;
  const { stdout } = await run(found, ["--version"], { signal, timeout: versionTimeout });
  const binary = { path: found, version: parseVersion(stdout), stamp };
  known.set(stamp, binary);
  return binary;
}

/** The version in what `--version` prints. @throws unsupported_here when it is too old, or none */
export function parseVersion(text: string): string {
  const match = /\bversion (\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (!match) {
    const line = text.split("\n", 1)[0] ?? "";
    throw fault("unsupported_here", { what: program, reason: `it does not tell its version but "${line}"` });
  }
  const [major = 0, minor = 0, micro = 0] = match.slice(1).map((digits) => Number(digits ?? 0));
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) {
    const wanted = `${oldest.major}.${oldest.minor}`;
    throw fault("unsupported_here", {
      what: `QEMU ${major}.${minor}.${micro}`,
      reason: `it is older than ${wanted}`,
    });
  }
  return `${major}.${minor}.${micro}`;
}

function missing(): Error {
  const command = installCommand(hostTools.filter((tool) => /^qemu-/.test(tool.program)));
  return fault("vmm_missing", { program, command });
}

function stampOf(path: string, status: Stats): string {
  return `${path}:${status.size}:${status.mtimeMs}:${status.ino}`;
}
