import { fault } from "../../lib/errors/error.ts";
import { type HostTool, installCommand } from "../../lib/host-tools.ts";

export function missingFault(missing: readonly HostTool[], purpose: string, cause?: unknown): Error {
  const command = installCommand(missing);
  return fault("host_packages_missing", { packages: packagesOf(missing), purpose, command }, cause);
}

export function packagesOf(tools: readonly HostTool[]): string[] {
  return [...new Set(tools.map((tool) => tool.package))];
}
