import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A directory of the test's own that goes when the test ends. */
export function temporaryDirectory(context: Pick<TestContext, "after">): string {
  const path = mkdtempSync(join(tmpdir(), "banger-test-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
