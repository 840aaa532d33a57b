import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Writes the documents that are made from code: errors, commands, OpenAPI. `--check` only compares. */
const root = resolve(import.meta.dirname, "..");
const check = process.argv.includes("--check");

const documents: Record<string, () => Promise<string>> = {
  "docs/errors.md": async () => (await import("../src/lib/errors/document.ts")).errorsDocument(),
  "docs/commands.md": async () => (await import("../src/cli/help/document.ts")).commandsDocument(),
  "docs/openapi.json": async () => (await import("../src/daemon/openapi.ts")).openApiDocument(),
};

let stale = 0;
for (const [path, make] of Object.entries(documents)) {
  const wanted = await make();
  const present = read(join(root, path));
  if (present === wanted) continue;
  stale += 1;
  if (!check) writeFileSync(join(root, path), wanted);
  process.stderr.write(`${path} ${check ? "is out of date: run npm run generate" : "written"}\n`);
}
process.exitCode = check && stale > 0 ? 1 : 0;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
