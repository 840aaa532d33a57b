import { isFault } from "../../lib/errors/error.ts";
import { findProgram, type HostTool, missingTools } from "../../lib/host-tools.ts";
import { run, stream } from "../../lib/process.ts";
import type { World } from "../world.ts";
import { missingFault, packagesOf } from "./require.ts";

/** Milliseconds for one run of apt-get: a slow mirror and a slow disk. */
const aptLimit = 15 * 60_000;
const sudoLimit = 10_000;

/**
 * Installs the packages of missing programs with apt-get, as root or through a sudo that asks for nothing, after saying so.
 *
 * @throws host_packages_missing when that is not possible, tool_failed, timed_out, interrupted
 */
export async function installPackages(
  world: World,
  missing: readonly HostTool[],
  purpose: string,
): Promise<void> {
  const aptGet = await findAptGet(world);
  if (!aptGet) throw missingFault(missing, purpose);
  const packages = packagesOf(missing);
  world.stderr.write(`installing host packages for ${purpose}: ${packages.join(" ")}\n`);
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  // The lists of packages may be missing or too old; they are fetched only when it does not go without.
  if (!(await aptGet(install, "quietly"))) {
    await aptGet(["update"], "aloud");
    await aptGet(install, "aloud");
  }
  const still = missingTools(missing, world.env.PATH);
  if (still.length > 0) throw missingFault(still, purpose);
}

type AptGet = (args: readonly string[], failing: "quietly" | "aloud") => Promise<boolean>;

/** A way to run apt-get as root without a password; undefined when there is none. */
async function findAptGet(world: World): Promise<AptGet | undefined> {
  const program = findProgram("apt-get", world.env.PATH);
  if (program === undefined) return undefined;
  const env = { ...world.env, DEBIAN_FRONTEND: "noninteractive" };
  if (process.getuid?.() === 0) return (args, failing) => carryOut(world, program, args, env, failing);
  const sudo = await passwordlessSudo(world);
  if (sudo === undefined) return undefined;
  const prefix = ["-n", "env", "DEBIAN_FRONTEND=noninteractive", program];
  return (args, failing) => carryOut(world, sudo, [...prefix, ...args], env, failing);
}

async function passwordlessSudo({ env, interrupts }: World): Promise<string | undefined> {
  const sudo = findProgram("sudo", env.PATH);
  if (sudo === undefined) return undefined;
  try {
    await run(sudo, ["-n", "true"], { timeout: sudoLimit, signal: interrupts.signal });
    return sudo;
  } catch (error) {
    if (isFault(error, "tool_failed", "timed_out")) return undefined;
    throw error;
  }
}

/** Whether it went well. Its output is shown only when it fails and nothing else is going to be tried. */
async function carryOut(
  world: World,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  failing: "quietly" | "aloud",
): Promise<boolean> {
  const output: Buffer[] = [];
  const options = {
    env,
    timeout: aptLimit,
    signal: world.interrupts.signal,
    // A package manager that is cut off leaves work behind.
    grace: aptLimit,
    onStderr: (chunk: Buffer) => void output.push(chunk),
  };
  try {
    await stream(program, args, options, async ({ stdin, stdout }) => {
      stdin.end();
      for await (const chunk of stdout) output.push(chunk as Buffer);
    });
    return true;
  } catch (error) {
    if (failing === "quietly" && isFault(error, "tool_failed")) return false;
    world.stderr.write(Buffer.concat(output));
    throw error;
  }
}
