import type { Duplex } from "node:stream";
import { fault } from "../../../lib/errors/error.ts";
import type { Invocation } from "../../args/spec.ts";
import { parseTarget } from "../../args/target.ts";
import { write } from "../../output/write.ts";
import type { vmDial } from "../../specs/vm-ports.ts";
import type { World } from "../../world.ts";

export async function run({ positionals }: Invocation<typeof vmDial>, world: World): Promise<number> {
  const [ref = "", target = ""] = positionals;
  const { signal } = world.interrupts;
  const connection = await world.connect().vms.dial(ref, { ...parseTarget(target), signal });
  try {
    return await carry(world, connection);
  } catch (error) {
    if (signal.aborted) throw fault("interrupted", { what: "the connection" }, error);
    throw fault("channel_closed", { reason: `the connection to ${target} broke` }, error);
  }
}

/** The guest's end is the end: ssh waits for it before it goes. */
async function carry({ stdin, stdout }: World, connection: Duplex): Promise<number> {
  const onInputError = (): void => void connection.end();
  stdin.on("error", onInputError);
  stdin.pipe(connection);
  try {
    for await (const chunk of connection.iterator({ destroyOnReturn: true }))
      await write(stdout, chunk as Buffer);
    return 0;
  } finally {
    stdin.unpipe(connection);
    stdin.off("error", onInputError);
    stdin.pause();
    connection.destroy();
  }
}
