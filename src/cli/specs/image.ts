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
  examples: [
    { command: "banger image show debian-bookworm", note: "its kernel, size, source and machines" },
    { command: "banger image show --verify debian-bookworm", note: "hashes its disk first" },
  ],
  positionals: images,
  flags: { verify: { kind: "boolean", help: "Hash the whole disk first; a wrong one is an error" } },
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
  description:
    "Refused while the disk of a machine or a template is based on it, which are named. With --force its templates are deleted, its " +
    "name is free at once, the machines go on, and its files go with the last of them.",
  examples: [{ command: "banger image delete debian-bookworm-slim", note: "frees its room" }],
  positionals: images,
  flags: { force: { kind: "boolean", short: "f", help: "Also when machines or templates use it" } },
} as const satisfies CommandSpec;

export const imageBuild = {
  path: ["image", "build"],
  summary: "Make an image of another one by steps",
  description:
    "Boots a machine of its own, carries out --run, --run-command and --copy in the order in which they are given, shuts it down and " +
    "makes an image of its disk, as `banger vm commit` does. What the steps print comes on standard error. A step that fails ends " +
    "the build, and nothing of it is left.",
  examples: [
    {
      command: "banger image build --from debian-bookworm-slim --run ./setup.sh --name dev",
      note: "then: banger vm run --image dev",
    },
    {
      command:
        "banger image build --from dev --copy ./app:/srv/app --run-command /srv/app/install --env PORT=80 --name app",
      note: "in this order",
    },
  ],
  flags: {
    from: { kind: "string", value: "IMAGE", help: "What it is made of; pulled when it is not local" },
    name: { kind: "string", value: "NAME", help: "Name of the image" },
    run: { kind: "list", value: "SCRIPT", help: "Step: a script of this host, run in the machine" },
    "run-command": { kind: "list", value: "COMMAND", help: "Step: words for the machine's /bin/sh -c" },
    copy: { kind: "list", value: "SRC:DST", help: "Step: a file or directory, as `banger vm cp` copies it" },
    env: {
      kind: "list",
      short: "e",
      value: "KEY=VALUE",
      help: "Variable for all steps and for the image's programs; it is kept in the image",
    },
    kernel: { kind: "string", value: "KERNEL", help: "Kernel to boot, now and by default" },
    size: { kind: "size", value: "SIZE", help: "Size of its file system; 2G more than its base when absent" },
    vcpu: { kind: "int", value: "N", help: "Processors of the machine" },
    memory: { kind: "size", short: "m", value: "SIZE", help: "Memory of the machine" },
    nat: { kind: "boolean", help: "Let the steps reach the outside" },
    "keep-failed": { kind: "boolean", help: "Leave the machine of a step that failed, for a look" },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const imageRename = {
  path: ["image", "rename"],
  summary: "Give an image another name",
  description: "Machines of it go on as they are: they know it by its id.",
  examples: [{ command: "banger image rename dev dev-old", note: "makes room for a new dev" }],
  positionals: [
    { name: "IMAGE", help: "the image, by name, id or the beginning of an id" },
    { name: "NAME", help: "its new name" },
  ],
  flags: {},
} as const satisfies CommandSpec;

export const imagePrune = {
  path: ["image", "prune"],
  summary: "Delete images that no machine uses",
  description:
    "Those that a pull gives again, and what is broken; with --all also those that were made, built or brought here, which nothing " +
    "gives again. Asks first.",
  examples: [
    { command: "banger image prune --dry-run", note: "what would go, and how much room that frees" },
    { command: "banger image prune --all -f", note: "everything unused, without asking" },
  ],
  flags: {
    all: { kind: "boolean", short: "a", help: "Also images that cannot be had again" },
    "dry-run": { kind: "boolean", help: "Only say what would be deleted" },
    force: { kind: "boolean", short: "f", help: "Do not ask" },
  },
} as const satisfies CommandSpec;

export const imageCachePrune = {
  path: ["image", "cache", "prune"],
  summary: "Remove downloads that can be had again",
  description:
    "Layers of registries' images, packages and indexes of Debian's archive, put-together initramfs. Images and kernels stay.",
  examples: [{ command: "banger image cache prune --dry-run", note: "how much room that would free" }],
  flags: { "dry-run": { kind: "boolean", help: "Only say what would be removed" } },
} as const satisfies CommandSpec;

export const imageRegister = {
  path: ["image", "register"],
  summary: "Make an image of a directory or a raw file",
  description:
    "A directory is copied, with owners, links, holes and extended attributes. A raw file that holds an ext4 file system is used where " +
    "it is and never written to; it must stay there and as it is, until `banger image promote` copies it.",
  examples: [
    {
      command: "banger image register ./rootfs --name mine --owner 0:0",
      note: "a directory, as if root owned it",
    },
    { command: "banger image register disk.ext4 --name disk", note: "a raw file, where it is" },
  ],
  positionals: [{ name: "PATH", help: "the directory or the file" }],
  flags: {
    name: { kind: "string", value: "NAME", help: "Name of the image" },
    "kernel-ref": { kind: "string", value: "KERNEL", help: "Kernel that its machines boot by default" },
    init: {
      kind: "string",
      value: "PATH",
      help: "Program that becomes PID 1, or none; what a directory has, /sbin/init of a file when absent",
    },
    owner: { kind: "string", value: "UID[:GID]", help: "Owner of everything in a directory, by number" },
    size: {
      kind: "size",
      value: "SIZE",
      help: "Size of a directory's file system; from its content when absent",
    },
    quiet: { kind: "boolean", short: "q", help: "Print no progress" },
  },
} as const satisfies CommandSpec;

export const imagePromote = {
  path: ["image", "promote"],
  summary: "Copy the file of a registered image into the store",
  description: "The image then no longer needs the file. Refused while machines are based on it where it is.",
  examples: [{ command: "banger image promote disk", note: "then the file may go" }],
  positionals: [{ name: "IMAGE", help: "the image, by name, id or the beginning of an id" }],
  flags: { quiet: { kind: "boolean", short: "q", help: "Print no progress" } },
} as const satisfies CommandSpec;
