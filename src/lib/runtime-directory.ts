import { chmod, lstat, mkdir } from "node:fs/promises";
import { diskFault } from "./atomic.ts";
import { fault } from "./errors/error.ts";

/**
 * Makes the directory of our sockets 0700, or takes the existing one if it is a real directory of this user.
 *
 * @throws unsafe_directory, directory_not_writable
 */
export async function prepareRuntimeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskFault(error, path, "making the runtime directory");
  }
  const status = await lstat(path);
  if (!status.isDirectory()) throw fault("unsafe_directory", { path, reason: "it is not a directory" });
  if (status.uid !== process.getuid?.()) {
    throw fault("unsafe_directory", { path, reason: `it belongs to uid ${status.uid}` });
  }
  if ((status.mode & 0o777) !== 0o700) await chmod(path, 0o700);
}
