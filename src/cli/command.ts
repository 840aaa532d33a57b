import type { CommandSpec, Invocation } from "./args/spec.ts";
import type { World } from "./world.ts";

/** Carries out a command; gives its exit status. */
export type Run<Spec extends CommandSpec> = (invocation: Invocation<Spec>, world: World) => Promise<number>;

/** A command with the code that carries it out. */
export interface Command<Spec extends CommandSpec = CommandSpec> {
  readonly spec: Spec;
  readonly run: Run<Spec>;
}

/** Ties data and code together and lets the compiler see that they fit. */
export function command<Spec extends CommandSpec>(spec: Spec, code: { run: Run<Spec> }): Command {
  return { spec, run: code.run } as unknown as Command;
}
