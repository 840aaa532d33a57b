import type { CommandSpec } from "../args/spec.ts";

const images = [
  { name: "IMAGE", help: "the images, by name, id or the beginning of an id", repeated: true },
] as const;
const quietList = { kind: "boolean", short: "q", help: "Print ids only" } as const;

export const imageList = {
  path: ["image", "list"],
  aliases: ["ls"],
  summary: "List local images",
  examples: [
    { command: "banger image list", note: "what machines can boot without fetching" },
    { command: "banger image list --available", note: "the catalogs" },
  ],
  flags: {
    available: { kind: "boolean", short: "a", help: "List the catalogs instead, and which of them is local" },
    quiet: { ...quietList, help: "Print ids only; of the catalogs, names" },
  },
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

export const imageSave = {
  path: ["image", "save"],
  summary: "Write an image to a file",
  description:
    "The file is a bundle: a zstd-compressed tar of the image's manifest.json and its rootfs.ext4. `banger image load` makes an " +
    "image of it on any host. It appears when it is complete.",
  examples: [
    { command: "banger image save dev -o dev.banger.tar.zst", note: "to give it to somebody" },
    { command: "banger image save dev -o -", note: "to a pipe that leads to another host" },
  ],
  positionals: [{ name: "IMAGE", help: "the image, by name, id or the beginning of an id" }],
  flags: {
    output: { kind: "string", short: "o", value: "FILE", help: "Where to; - or nothing is standard output" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const imageLoad = {
  path: ["image", "load"],
  summary: "Make an image of a file that was saved",
  description:
    "Takes what `banger image save` wrote. The root file system is compared with the manifest; anything else in the file is " +
    "refused. The image gets an id of its own.",
  examples: [
    { command: "banger image load dev.banger.tar.zst", note: "under the name that it was saved with" },
    { command: "banger image load -i dev.banger.tar.zst --name dev2", note: "under another one" },
  ],
  positionals: [{ name: "FILE", help: "the file; - is standard input", optional: true }],
  flags: {
    input: { kind: "string", short: "i", value: "FILE", help: "The same as FILE" },
    name: { kind: "string", value: "NAME", help: "Name of the local image; the saved one when absent" },
    "kernel-ref": { kind: "string", value: "KERNEL", help: "Kernel that its machines boot by default" },
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
