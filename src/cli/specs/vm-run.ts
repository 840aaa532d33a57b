import type { CommandSpec } from "../args/spec.ts";

/** What a machine is made of. */
export const machineFlags = {
  name: { kind: "string", value: "NAME", help: "Name, a DNS label; a random readable one when absent" },
  image: {
    kind: "string",
    short: "i",
    value: "IMAGE",
    help: "Image to boot; one that is not local is pulled from the image catalog",
    shows: "image",
  },
  kernel: {
    kind: "string",
    value: "KERNEL",
    help: "Kernel to boot instead of the image's own; pulled when not local",
  },
  vcpu: { kind: "int", value: "N", help: "Processors", shows: "vcpu" },
  memory: { kind: "size", short: "m", value: "SIZE", help: "Memory, such as 2G", shows: "memory" },
  disk: { kind: "size", value: "SIZE", help: "Disk, such as 20G; takes room as it fills", shows: "disk" },
  nat: { kind: "boolean", help: "Give it a network card that reaches the outside; without it there is none" },
} as const;

const startFlags = {
  cold: { kind: "boolean", help: "Boot it, even where there is a template to copy" },
} as const;

const wait = {
  kind: "list",
  value: "TARGET",
  help: "Wait for more than the agent: system (its services are up) or port:N; repeatable",
} as const;

const showFlags = {
  timing: { kind: "boolean", help: "Print how long each phase took, on standard error" },
  quiet: { kind: "boolean", short: "q", help: "Print no progress" },
} as const;

export const vmRun = {
  path: ["vm", "run"],
  summary: "Create a machine and get a shell or run a command in it",
  description:
    "Fetches the image and the kernel if they are not local, creates a machine, boots it and opens a shell. With a command " +
    "after `--` it runs that instead, passes standard input, output and error through unchanged, and exits with its status. " +
    "The machine stays when you leave, unless `--rm` is given.",
  examples: [
    { command: "banger vm run", note: "a shell in a new machine" },
    { command: "banger vm run --rm -- uname -a", note: "one command, then gone" },
    { command: "banger vm run --name dev --vcpu 2 --memory 4G --nat", note: "a larger one with a network" },
    { command: "banger vm run --wait system -- docker ps", note: "when all services are up" },
    { command: "tar c . | banger vm run --rm -- sh -c 'tar x && ls'", note: "standard input goes in" },
  ],
  positionals: [{ name: "PATH", help: "a git checkout to copy in (not supported yet)", optional: true }],
  passthrough: { name: "COMMAND", help: "program and arguments to run in the machine, byte for byte" },
  flags: {
    rm: { kind: "boolean", help: "Delete the machine when the shell or the command ends" },
    detach: { kind: "boolean", short: "d", help: "Only start it, print its name and come back" },
    ...machineFlags,
    ...startFlags,
    wait,
    ...showFlags,
  },
} as const satisfies CommandSpec;

export const vmCreate = {
  path: ["vm", "create"],
  summary: "Create a machine, and start it, without going in",
  description: "Prints the machine's name. `banger vm run` is the shorter way to a shell.",
  examples: [
    { command: "banger vm create --name dev", note: "then: banger vm shell dev" },
    {
      command: "banger vm create --name later --no-start --disk 40G",
      note: "started by `banger vm start later`",
    },
  ],
  flags: {
    "no-start": { kind: "boolean", help: "Leave it created; `banger vm start` boots it" },
    ...machineFlags,
    ...startFlags,
    wait,
    ...showFlags,
  },
} as const satisfies CommandSpec;
