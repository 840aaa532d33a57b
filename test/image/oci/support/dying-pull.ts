import fsp from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/**
 * dying-pull.ts DIRECTORY REFERENCE STEP: pulls an image as a daemon does, and dies by SIGKILL before its nth change of the file
 * system (0: never). Prints how many there were.
 */
const [directory = "", reference = "", wanted = "0"] = process.argv.slice(2);

let steps = 0;
function step(): void {
  steps += 1;
  if (steps === Number(wanted)) process.kill(process.pid, "SIGKILL");
}

type Work = (...args: unknown[]) => unknown;

function counted(target: Record<string, Work>, names: readonly string[]): void {
  for (const name of names) {
    const original = target[name] as Work;
    target[name] = function (this: unknown, ...args: unknown[]): unknown {
      step();
      return original.apply(this, args);
    };
  }
}

counted(fsp as unknown as Record<string, Work>, [
  "open",
  "mkdir",
  "rename",
  "rm",
  "chmod",
  "utimes",
  "writeFile",
]);
await using handle = await fsp.open("/dev/null");
counted(Object.getPrototypeOf(handle) as Record<string, Work>, ["write", "writeFile", "truncate", "sync"]);
syncBuiltinESMExports();
steps = 0;

const { makeService } = await import("./service.ts");
const { detachedContext } = await import("../../../../src/lib/context.ts");
const { service, close } = makeService(directory);
await service.pull(reference, detachedContext(), { as: "it" });
close();
console.log(steps);
