import type { ExecOptions } from "../../client/exec.ts";

export interface SessionFlags {
  user?: string | undefined;
  workdir?: string | undefined;
  env: readonly string[];
}

/** How to run a command in a machine, from the flags that exec and shell share. */
export function sessionOptions({ user, workdir, env }: SessionFlags, from: NodeJS.ProcessEnv): ExecOptions {
  return { user, cwd: workdir, env: env.flatMap((entry) => assignment(entry, from)) };
}

/** `NAME` alone takes the value from here, and is left out when it has none. */
function assignment(entry: string, from: NodeJS.ProcessEnv): string[] {
  if (entry.includes("=")) return [entry];
  const value = from[entry];
  return value === undefined ? [] : [`${entry}=${value}`];
}
