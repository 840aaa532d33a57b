import { type BangerError, fault } from "../lib/errors/error.ts";

/** A local kernel that exists but cannot be used. */
export function broken(name: string, path: string, problem: string, cause?: unknown): BangerError {
  return fault("kernel_broken", { name, path, problem }, cause);
}
