import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./paths.ts";

/** The agent beside the bundle, or the one that a checkout has built. The host runs it, too: it packs and unpacks files. */
export function agentBinary(): string {
  const bundled = join(packageRoot(), "dist", "banger-agent");
  const fromSource = import.meta.filename.endsWith(".ts");
  return !fromSource && existsSync(bundled) ? bundled : join(packageRoot(), "build", "banger-agent");
}
