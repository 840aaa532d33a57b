import type { CommandSpec } from "../args/spec.ts";

const kernels = [{ name: "KERNEL", help: "the kernels, by name", repeated: true }] as const;

export const kernelList = {
  path: ["kernel", "list"],
  aliases: ["ls"],
  summary: "List kernels",
  examples: [
    { command: "banger kernel list", note: "local ones" },
    { command: "banger kernel list --available", note: "the catalog" },
  ],
  flags: {
    available: { kind: "boolean", short: "a", help: "List the catalog instead, and which of it is local" },
    quiet: { kind: "boolean", short: "q", help: "Print names only" },
  },
} as const satisfies CommandSpec;

export const kernelShow = {
  path: ["kernel", "show"],
  summary: "Show kernels in detail",
  examples: [{ command: "banger kernel show generic-6.1", note: "its release, package and size" }],
  positionals: kernels,
  flags: {},
} as const satisfies CommandSpec;

export const kernelPull = {
  path: ["kernel", "pull"],
  summary: "Fetch a kernel of the catalog",
  description: "`banger vm run` does this by itself when an image names a kernel that is not local.",
  examples: [{ command: "banger kernel pull generic-6.12", note: "from Debian's signed archive" }],
  positionals: [{ name: "KERNEL", help: "a name of `banger kernel list --available`" }],
  flags: {
    force: { kind: "boolean", short: "f", help: "Replace a local one" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const kernelImport = {
  path: ["kernel", "import"],
  summary: "Make a kernel of files on this host",
  description:
    "Says beforehand what is missing: what no machine boots without is an error, what machines will lack is a note. What a kernel can " +
    "do is read from --config, else from the kernel itself (IKCONFIG), else from a config-<release> beside it.",
  examples: [
    {
      command: "banger kernel import --from ./vmlinux --modules ./lib/modules/6.9.0 --name mine",
      note: "one of your own, with its modules",
    },
    { command: "banger kernel import --from /boot/vmlinuz --name host", note: "a packaged one" },
  ],
  flags: {
    from: {
      kind: "string",
      value: "FILE",
      help: "A bzImage (vmlinuz) or an ELF image with a PVH entry (vmlinux)",
    },
    modules: { kind: "string", value: "DIR", help: "Its lib/modules/<release>; none when absent" },
    config: { kind: "string", value: "FILE", help: "The .config that it was built with" },
    name: { kind: "string", value: "NAME", help: "Name of the local kernel" },
    force: { kind: "boolean", short: "f", help: "Replace a local one" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const kernelDelete = {
  path: ["kernel", "delete"],
  aliases: ["rm"],
  summary: "Delete local kernels",
  description:
    "Refused while a machine boots from it, and while an image names it or a template is made with it. With --force the templates " +
    "are deleted, and an image is no obstacle: its next machine fetches the kernel anew, or needs --kernel if the catalog does not have it.",
  examples: [{ command: "banger kernel rm generic-6.12", note: "frees its room" }],
  positionals: kernels,
  flags: { force: { kind: "boolean", short: "f", help: "Also when images or templates use it" } },
} as const satisfies CommandSpec;
