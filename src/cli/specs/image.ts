import type { CommandSpec } from "../args/spec.ts";

const images = [
  { name: "IMAGE", help: "the images, by name, id or the beginning of an id", repeated: true },
] as const;
const quietList = { kind: "boolean", short: "q", help: "Print ids only" } as const;

export const imageList = {
  path: ["image", "list"],
  aliases: ["ls"],
  summary: "List local images",
  examples: [{ command: "banger image list", note: "what machines can boot without fetching" }],
  flags: { quiet: quietList },
} as const satisfies CommandSpec;

export const imageShow = {
  path: ["image", "show"],
  summary: "Show images in detail",
  examples: [{ command: "banger image show debian-bookworm", note: "its kernel, size and source" }],
  positionals: images,
  flags: {},
} as const satisfies CommandSpec;

export const imagePull = {
  path: ["image", "pull"],
  summary: "Fetch or build an image of the catalog or of a registry",
  description:
    "A name that the catalog does not have is taken for a reference to an OCI image; a login comes from Docker's " +
    "config.json. `banger vm run --image NAME` does this by itself when the image is not local.",
  examples: [
    { command: "banger image pull debian-bookworm-slim", note: "made from Debian's signed archive" },
    { command: "banger image pull docker.io/library/alpine:3.20 --name alpine", note: "any OCI image" },
  ],
  positionals: [{ name: "IMAGE", help: "a name of the catalog, or a reference such as host/repository:tag" }],
  flags: {
    name: { kind: "string", value: "NAME", help: "Name of the local image; what was pulled when absent" },
    "kernel-ref": { kind: "string", value: "KERNEL", help: "Kernel that its machines boot by default" },
    platform: {
      kind: "string",
      value: "OS/ARCH",
      help: "Which of a registry's variants; linux/amd64 when absent",
    },
    size: { kind: "size", value: "SIZE", help: "Size of the root file system; from its content when absent" },
    insecure: { kind: "boolean", help: "Take a registry without TLS; one on this host needs no asking" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const imageDelete = {
  path: ["image", "delete"],
  aliases: ["rm"],
  summary: "Delete local images",
  description: "Refused while the disk of a machine is based on it.",
  examples: [{ command: "banger image delete debian-bookworm-slim", note: "frees its room" }],
  positionals: images,
  flags: {},
} as const satisfies CommandSpec;
