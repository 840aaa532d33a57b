import { type BangerError, fault } from "../lib/errors/error.ts";

/** What the guest did against docs/agent-protocol.md; whoever reads the connection closes it with this. */
export function violation(problem: string): BangerError {
  return fault("guest_protocol", { problem });
}
