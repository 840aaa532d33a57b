import { fault, isFault, messageOf } from "../../lib/errors/error.ts";
import { findProgram, type HostTool, missingTools } from "../../lib/host-tools.ts";
import { run } from "../../lib/process.ts";
import type { World } from "../world.ts";
import { missingFault } from "./require.ts";

/** Milliseconds for apt-get: a slow mirror and a slow disk. */
const installLimit = 15 * 60_000;
const sudoLimit = 10_000;

/**
 * Installs the packages of missing programs with apt-get, as root or through a sudo that asks for nothing, after saying so.
 *
 * @throws host_packages_missing when that is not possible, tool_failed, interrupted
 */
export async function installPackages(
  world: World,
  missing: readonly HostTool[],
  purpose: string,
): Promise<void> {
  const packages = [...new Set(missing.map((tool) => tool.package))];
  const { PATH: path } = world.env;
  const prefix = findProgram("apt-get", path) === undefined ? undefined : await rootPrefix(world);
  if (!prefix) throw missingFault(missing, purpose);
  world.stderr.write(`installing host packages for ${purpose}: ${packages.join(" ")}\n`);
  await apt(world, prefix, packages);
  const still = missingTools(missing, path);
  if (still.length > 0) throw missingFault(still, purpose);
}

/** The words that make a command run as root without a password; undefined when there are none. */
async function rootPrefix(world: World): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram("sudo", world.env.PATH);
  if (sudo === undefined) return undefined;
  try {
    await run(sudo, ["-n", "true"], { timeout: sudoLimit, signal: world.interrupts.signal });
    return [sudo, "-n"];
  } catch (error) {
    if (isFault(error, "tool_failed", "timed_out")) return undefined;
    throw error;
  }
}

/** The lists of packages may be missing or too old; they are fetched only when the install fails without. */
async function apt(world: World, prefix: readonly string[], packages: readonly string[]): Promise<void> {
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  try {
    await aptGet(world, prefix, install);
  } catch (error) {
    if (!isFault(error, "tool_failed")) throw error;
    await aptGet(world, prefix, ["update"]);
    await aptGet(world, prefix, install);
  }
}

/** Ended gently and waited for: a package manager that is cut off leaves work behind. */
async function aptGet(world: World, prefix: readonly string[], args: readonly string[]): Promise<void> {
  const [program = "", ...rest] = [
    ...prefix,
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-q",
    ...args,
  ];
  const output: Buffer[] = [];
  try {
    await run(program, rest, {
      timeout: installLimit,
      grace: installLimit,
      signal: world.interrupts.signal,
      onStderr: (chunk) => void output.push(chunk),
    });
  } catch (error) {
    if (isFault(error, "timed_out", "interrupted")) throw error;
    const status = messageOf(error);
    throw fault("tool_failed", { tool: `apt-get ${args[0]}`, status: "it", stderr: status }, error);
  }
}
