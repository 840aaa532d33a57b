import type { CommandSpec } from "../args/spec.ts";

/** `banger vm exec [FLAGS] VM -- COMMAND...` */
export function usageLine({ path, positionals = [], passthrough, flags }: CommandSpec): string {
  const words = positionals.map(({ name, optional, repeated }) => {
    const shown = repeated ? `${name}...` : name;
    return optional ? `[${shown}]` : shown;
  });
  const command = passthrough && `-- ${passthrough.name}...`;
  return [
    "banger",
    ...path,
    ...(Object.keys(flags).length === 0 ? [] : ["[FLAGS]"]),
    ...words,
    ...(command === undefined ? [] : [passthrough?.required ? command : `[${command}]`]),
  ].join(" ");
}
