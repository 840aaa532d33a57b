import type { CommandSpec, Invocation } from "./args/spec.ts";
import type { World } from "./world.ts";

/** Carries out a command; gives its exit status. */
export type Run<Spec extends CommandSpec> = (invocation: Invocation<Spec>, world: World) => Promise<number>;

/** A command with the way to its code, which is loaded only when the command runs. */
export interface Command<Spec extends CommandSpec = CommandSpec> {
  readonly spec: Spec;
  load(): Promise<{ run: Run<Spec> }>;
}

/** Ties data and code together and lets the compiler see that they fit. */
export function command<Spec extends CommandSpec>(
  spec: Spec,
  load: () => Promise<{ run: Run<Spec> }>,
): Command {
  return { spec, load } as unknown as Command;
}
