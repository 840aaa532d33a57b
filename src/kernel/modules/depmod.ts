import { fault, isFault } from "../../lib/errors/error.ts";
import { run } from "../../lib/process.ts";

/** Makes modules.dep and its like in `<tree>/lib/modules/<release>`. */
export type Depmod = (tree: string, release: string, signal: AbortSignal) => Promise<void>;

const timeout = 120_000;

/**
 * Runs the host's depmod, as a package's postinst would; it needs no privileges for a tree of one's own.
 *
 * @throws tool_missing, tool_failed, timed_out, interrupted
 */
export const depmod: Depmod = async (tree, release, signal) => {
  // An ordinary user's PATH often lacks the directories it is in.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
  try {
    await run("depmod", ["-b", tree, release], { signal, timeout, env });
  } catch (error) {
    if (isFault(error, "tool_missing"))
      throw fault("tool_missing", { tool: "depmod", package: "kmod" }, error);
    throw error;
  }
};
