import { define, listed, show } from "../define.ts";

/** The command line, the configuration file and values given through the API. */
export const usageErrors = {
  unknown_command: define<{ command: string; suggestion?: string | undefined }>({
    exit: 2,
    status: 400,
    message: (p) => `unknown command ${show(p.command)}`,
    remedy: (p) =>
      p.suggestion ? `Did you mean "${p.suggestion}"? See \`banger --help\`` : "See `banger --help`",
    when: "The first words on the command line name no command.",
  }),
  unknown_flag: define<{ flag: string; command: string; suggestion?: string | undefined }>({
    exit: 2,
    status: 400,
    message: (p) => `unknown flag ${show(p.flag)} for \`${program(p.command)}\``,
    remedy: (p) =>
      p.suggestion
        ? `Did you mean ${p.suggestion}? See \`${program(p.command)} --help\``
        : `See \`${program(p.command)} --help\``,
    when: "A command was given a flag it does not have.",
  }),
  bad_usage: define<{ problem: string; command: string }>({
    exit: 2,
    status: 400,
    message: (p) => p.problem,
    remedy: (p) => `See \`banger ${p.command} --help\``,
    when: "An argument is missing, superfluous, or excludes another one.",
  }),
  invalid_value: define<{ what: string; value: string; expected: string }>({
    exit: 2,
    status: 400,
    message: (p) => `${p.what} is ${show(p.value)}, expected ${p.expected}`,
    remedy: (p) => `Give ${p.what} as ${p.expected}`,
    when: "A value on the command line or in a request is out of range or malformed.",
  }),
  invalid_request: define<{ problems: string[] }>({
    exit: 2,
    status: 400,
    message: (p) => `the request is not valid: ${listed(p.problems)}`,
    remedy: () => "Compare the request with docs/openapi.json",
    when: "A request to the daemon does not fit the API's schema.",
  }),
  invalid_config: define<{ path: string; problem: string }>({
    exit: 2,
    status: 400,
    message: (p) => `the configuration ${show(p.path)} is not valid: ${p.problem}`,
    remedy: (p) => `Correct ${p.path}; docs/configuration.md lists every key`,
    when: "config.toml is not TOML, has an unknown key, or a key has a wrong value.",
  }),
  interrupted: define<{ what: string }>({
    exit: 130,
    status: 499,
    message: (p) => `${p.what} was cancelled`,
    remedy: () => "Run the command again when you want it; nothing was left half-made",
    when: "Ctrl-C was pressed, or the operation was cancelled through the API.",
  }),
};

/** A command as it is typed; the empty one is the program itself. */
function program(command: string): string {
  return command === "" ? "banger" : `banger ${command}`;
}
