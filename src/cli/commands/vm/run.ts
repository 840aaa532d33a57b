import type { Banger } from "../../../client/banger.ts";
import { fault, isFault } from "../../../lib/errors/error.ts";
import type { Vm } from "../../../model/vm.ts";
import { exactTail } from "../../args/exact.ts";
import type { Invocation } from "../../args/spec.ts";
import { printJson } from "../../output/json.ts";
import { styleFor } from "../../output/style.ts";
import { attach } from "../../session/attach.ts";
import type { vmRun } from "../../specs/vm-run.ts";
import type { World } from "../../world.ts";
import { bringUp } from "./bring-up.ts";
import { createRequest } from "./create-request.ts";

type Flags = Invocation<typeof vmRun>["flags"];

export async function run(invocation: Invocation<typeof vmRun>, world: World): Promise<number> {
  const { flags } = invocation;
  checkUsage(invocation);
  const args = exactTail(invocation.passthrough);
  const banger = world.connect();
  const vm = await bringUp(world, banger, { ...createRequest(flags), ephemeral: flags.rm }, flags);
  if (flags.detach) {
    if (flags.json) printJson(world.stdout, vm);
    else world.stdout.write(`${vm.name}\n`);
    return 0;
  }
  try {
    return await attach(world, {}, { args, entrypoint: true }, (full) => banger.vms.exec(vm.id, full));
  } finally {
    await leave(vm, banger, flags, world);
  }
}

function checkUsage({ flags, positionals, passthrough }: Invocation<typeof vmRun>): void {
  const refuse = (problem: string): never => {
    throw fault("bad_usage", { problem, command: "vm run" });
  };
  if (flags.detach && flags.rm) refuse("--detach and --rm exclude each other: nothing would end the machine");
  if (flags.detach && passthrough.length > 0) {
    refuse("--detach takes no command: start the machine, then use `banger vm exec`");
  }
  const [path] = positionals;
  if (path !== undefined) {
    throw fault("unsupported_here", {
      what: `\`banger vm run ${path}\``,
      reason: "this version does not copy directories in; put a command after --",
    });
  }
}

/** Deletes the machine where that was asked for; otherwise says that it is still there. */
async function leave(vm: Vm, banger: Banger, flags: Flags, world: World): Promise<void> {
  if (flags.rm) return await remove(vm, banger);
  if (flags.quiet) return;
  const style = styleFor(world.stderr, world.env);
  const { state } = await banger.vms.show(vm.id).catch(() => vm);
  const name = style.bold(vm.name);
  const kept =
    state === "running"
      ? `vm ${name} keeps running · back: banger vm shell ${vm.name}`
      : `vm ${name} is ${state} and kept · start: banger vm start ${vm.name}`;
  world.stderr.write(`${kept} · delete: banger vm delete ${vm.name}\n`);
}

/** The daemon deletes an ephemeral machine by itself; this waits for it, and does not depend on it. */
async function remove({ id }: Vm, banger: Banger): Promise<void> {
  try {
    await banger.vms.delete(id);
  } catch (error) {
    if (!isFault(error, "vm_not_found")) throw error;
  }
}
