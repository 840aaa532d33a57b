import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** Everything that can be said of the code without running it: types, lint, format, generated documents. */
const root = resolve(import.meta.dirname, "..");
const steps: [name: string, program: string, args: string[]][] = [
  ["types", process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."]],
  ["lint and format", "node_modules/@biomejs/cli-linux-x64/biome", ["check", "--error-on-warnings", "."]],
  ["generated documents", process.execPath, ["scripts/generate.ts", "--check"]],
];

let failed = 0;
for (const [name, program, args] of steps) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (status === 0) continue;
  failed += 1;
  process.stderr.write(`check: ${name} failed${error ? `: ${error.message}` : ""}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;
