import { isFault } from "../../lib/errors/error.ts";
import { findProgram, type HostTool, missingTools } from "../../lib/host-tools.ts";
import { run, stream } from "../../lib/process.ts";
import type { World as WholeWorld } from "../world.ts";
import { missingFault, packagesOf } from "./missing.ts";

type World = Pick<WholeWorld, "stderr" | "env" | "interrupts">;

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
  isRoot = process.getuid?.() === 0,
): Promise<void> {
  const aptGet = await findAptGet(world, isRoot);
  if (!aptGet) throw missingFault(missing, purpose);
  const packages = packagesOf(missing);
  world.stderr.write(`installing host packages for ${purpose}: ${packages.join(" ")}\n`);
  const log: Buffer[] = [];
  try {
    await install(aptGet, packages, log);
  } catch (error) {
    if (isFault(error, "tool_failed", "timed_out")) world.stderr.write(Buffer.concat(log));
    throw error;
  }
  const still = missingTools(missing, world.env.PATH);
  if (still.length > 0) throw missingFault(still, purpose);
}

/** Runs apt-get with these words; what it says goes to the log. @throws tool_failed, timed_out, interrupted */
type AptGet = (args: readonly string[], log: Buffer[]) => Promise<void>;

/** The lists of packages may be missing or too old; they are fetched only when it does not go without. */
async function install(aptGet: AptGet, packages: readonly string[], log: Buffer[]): Promise<void> {
  // Another apt-get may be at work: its lock is waited for.
  const words = ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", ...packages];
  try {
    await aptGet(words, []);
  } catch (error) {
    if (!isFault(error, "tool_failed")) throw error;
    // A list that cannot be fetched need not be the one that matters; the log has it if it is.
    await aptGet(["update"], log).catch(unlessFailed);
    await aptGet(words, log);
  }
}

function unlessFailed(error: unknown): void {
  if (!isFault(error, "tool_failed")) throw error;
}

/** A way to run apt-get as root without a password; undefined when there is none. */
async function findAptGet(world: World, isRoot: boolean): Promise<AptGet | undefined> {
  const program = findProgram("apt-get", world.env.PATH);
  if (program === undefined) return undefined;
  if (isRoot) return (args, log) => carryOut(world, program, args, log);
  const sudo = await passwordlessSudo(world);
  if (sudo === undefined) return undefined;
  const prefix = ["-n", "env", "DEBIAN_FRONTEND=noninteractive", program];
  return (args, log) => carryOut(world, sudo, [...prefix, ...args], log);
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

async function carryOut(
  { env, interrupts }: World,
  program: string,
  args: readonly string[],
  log: Buffer[],
): Promise<void> {
  const options = {
    env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: aptLimit,
    signal: interrupts.signal,
    // A package manager that is cut off leaves work behind.
    grace: aptLimit,
    onStderr: (chunk: Buffer) => void log.push(chunk),
  };
  await stream(program, args, options, async ({ stdin, stdout }) => {
    stdin.end();
    for await (const chunk of stdout) log.push(chunk as Buffer);
  });
}
