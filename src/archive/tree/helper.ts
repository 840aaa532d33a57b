import { agentBinary } from "../../lib/agent-binary.ts";
import { type BangerError, fault, isFault } from "../../lib/errors/error.ts";
import { type Conversation, stream } from "../../lib/process.ts";

/** Flags of `banger-agent --pack` and `--unpack`, as in docs/agent-protocol.md. */
export const copyFlags = { intoDirectory: 1, keepOwners: 2, noFollow: 4 } as const;

/** Milliseconds for a helper that is stopped to remove what it has written. */
const undoTime = 30_000;

/**
 * Runs the agent's program on the host: Node itself cannot see holes and extended attributes of files, nor open one file
 * relative to another.
 *
 * @throws file_missing, copy_failed, tool_failed, interrupted, and what the conversation throws
 */
export async function runHelper<T>(
  args: readonly string[],
  what: string,
  signal: AbortSignal | undefined,
  conversation: Conversation<T>,
): Promise<T> {
  try {
    return await stream(agentBinary(), args, { signal, grace: undoTime }, conversation);
  } catch (error) {
    throw helperFault(error, what) ?? error;
  }
}

/** Paths are any bytes, which Node cannot hand to a process. */
export function hex(path: Uint8Array): string {
  return Buffer.from(path).toString("hex");
}

/** What the program says when it fails: `ERRNO MESSAGE`. */
export function readComplaint(stderr: string): { errno: number; reason: string } | undefined {
  const match = /^(\d{1,4}) (.+)$/m.exec(stderr);
  return match ? { errno: Number(match[1]), reason: match[2] as string } : undefined;
}

function helperFault(error: unknown, what: string): BangerError | undefined {
  if (!isFault(error, "tool_failed")) return undefined;
  const { stderr, status } = error.params as { stderr: string; status: string };
  const complaint = readComplaint(stderr);
  // With 2 it ended before it had begun.
  const undone = status !== "status 2";
  return complaint && fault("copy_failed", { what, reason: complaint.reason, undone }, error);
}
