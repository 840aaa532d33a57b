import { fault } from "./errors/error.ts";

/** Longest address of a unix socket in bytes, without its final NUL (unix(7): sun_path has 108). */
const socketPathLimit = 107;

/** @throws path_too_long */
export function checkSocketPath(path: string): string {
  if (Buffer.byteLength(path) > socketPathLimit)
    throw fault("path_too_long", { path, limit: socketPathLimit });
  return path;
}
