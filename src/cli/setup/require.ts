import { fault } from "../../lib/errors/error.ts";
import { type HostTool, hostTools, installCommand, missingTools } from "../../lib/host-tools.ts";
import type { World } from "../world.ts";

/**
 * Sees to it that the programs are there that machines need: a few looks at the file system when they are. A checkout installs
 * what is missing when that needs no password; an installed package only says what to do.
 *
 * @throws host_packages_missing
 */
export async function requireHostTools(world: World, purpose: string): Promise<void> {
  const missing = missingTools(hostTools, world.env.PATH);
  if (missing.length === 0) return;
  if (world.env.BANGER_LAUNCHER !== "checkout") throw missingFault(missing, purpose);
  const { installPackages } = await import("./install.ts");
  await installPackages(world, missing, purpose);
}

export function missingFault(missing: readonly HostTool[], purpose: string, cause?: unknown): Error {
  const packages = [...new Set(missing.map((tool) => tool.package))];
  const command = installCommand(missing);
  return fault("host_packages_missing", { packages, purpose, command }, cause);
}
