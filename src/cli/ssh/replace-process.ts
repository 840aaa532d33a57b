import type { ChildProcess } from "node:child_process";
import { fault } from "../../lib/errors/error.ts";
import { findProgram } from "../../lib/host-tools.ts";
import { statusOf } from "../interrupts.ts";
import type { World } from "../world.ts";

/**
 * Runs a program in place of this one: the terminal, its signals and its exit status are then its own. Where Node cannot do that (before
 * 22.15) the program runs below this one, which hands on what it is sent and ends as it does.
 *
 * @throws tool_missing
 */
export async function replaceProcess(
  world: World,
  program: string,
  args: readonly string[],
  packageName: string,
): Promise<number> {
  const path = findProgram(program, world.env.PATH);
  if (path === undefined) throw fault("tool_missing", { tool: program, package: packageName });
  if (process.execve) process.execve(path, [program, ...args], world.env as Record<string, string>);
  const { spawn } = await import("node:child_process");
  let child: ChildProcess | undefined;
  return await world.interrupts.during(
    (name) => {
      // The terminal has told both of an interrupt.
      if (name !== "SIGINT" && name !== "SIGQUIT") child?.kill(name);
    },
    () =>
      new Promise<number>((resolve, reject) => {
        // Not before somebody hears the signals: the program may send the first.
        child = spawn(path, args, { stdio: "inherit", env: world.env });
        child.once("error", (error) =>
          reject(fault("tool_missing", { tool: program, package: packageName }, error)),
        );
        child.once("exit", (status, signal) => resolve(status ?? (signal ? statusOf(signal) : 1)));
      }),
  );
}
