import { fault } from "../../../lib/errors/error.ts";
import { parseJobId } from "../../args/job-id.ts";
import type { Invocation } from "../../args/spec.ts";
import { write } from "../../output/write.ts";
import type { vmAttach } from "../../specs/vm-sessions.ts";
import type { World } from "../../world.ts";

/** Follows a detached command; an interrupt leaves it, and it runs on. */
export async function run({ positionals }: Invocation<typeof vmAttach>, world: World): Promise<number> {
  const [ref = "", text = ""] = positionals;
  const id = parseJobId(text);
  const { signal } = world.interrupts;
  const remote = await world.connect().vms.attach(ref, id, signal);
  const leave = (): void => remote.close();
  signal.addEventListener("abort", leave);
  try {
    const copy = async (from: AsyncIterable<unknown>, to: World["stdout"]): Promise<void> => {
      for await (const chunk of from) await write(to, chunk as Buffer);
    };
    const outputs = [copy(remote.stdout, world.stdout), copy(remote.stderr, world.stderr)];
    const [exit] = await Promise.all([remote.exited, ...outputs]);
    return exit.code;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw fault("interrupted", { what: `following command ${id}, which runs on,` }, error);
  } finally {
    signal.removeEventListener("abort", leave);
    remote.close();
  }
}
