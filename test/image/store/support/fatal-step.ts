import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/**
 * Loaded before everything else (`--import`): ends this process with SIGKILL before the nth call that changes the file system, as
 * FATAL_STEP says.
 */
let left = Number(process.env.FATAL_STEP);
const promises = fs.promises as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of ["mkdir", "writeFile", "rename", "rm", "chmod", "utimes", "open"]) {
  const real = promises[name];
  if (!real) throw new Error(`there is no ${name}`);
  promises[name] = (...args) => {
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
    return real(...args);
  };
}
syncBuiltinESMExports();
