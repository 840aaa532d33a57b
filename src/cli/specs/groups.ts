import type { GroupSpec } from "../args/spec.ts";

/** The program first, then its groups in the order help lists them. */
export const groups: readonly GroupSpec[] = [
  {
    path: [],
    summary: "Disposable Linux machines",
    description:
      "banger gives you a shell in a disposable, real Linux machine: a microVM with its own kernel, systemd and disk, without " +
      "root. The first run fetches an image and a kernel; later runs start at once.",
    examples: [
      { command: "banger vm run", note: "a shell in a new machine" },
      { command: "banger vm run --rm -- uname -a", note: "one command in a machine that is then deleted" },
      { command: "banger vm list", note: "what there is" },
    ],
  },
  {
    path: ["vm"],
    summary: "Machines",
    description:
      "A machine is a virtual computer with its own kernel and disk. It keeps what is written to it until it is deleted, and " +
      "goes on running when you leave it.",
    examples: [
      { command: "banger vm run", note: "create one and open a shell" },
      { command: "banger vm shell dev", note: "come back to it" },
      { command: "banger vm stop dev", note: "shut it down, keep its disk" },
      { command: "banger vm delete dev", note: "delete it" },
    ],
  },
  {
    path: ["image"],
    summary: "Images that machines boot",
    description:
      "An image is a root file system. `banger vm run` fetches what it needs by itself; these commands look after what is local.",
    examples: [
      { command: "banger image list", note: "local images" },
      { command: "banger image pull debian-bookworm-slim", note: "fetch one beforehand" },
    ],
  },
  {
    path: ["kernel"],
    summary: "Kernels that machines boot",
    description:
      "An image names the kernel that it boots with; `banger vm run` fetches it when it is not local.",
    examples: [
      { command: "banger kernel list --available", note: "the catalog" },
      { command: "banger kernel pull generic-6.12", note: "fetch one beforehand" },
    ],
  },
  {
    path: ["template"],
    summary: "Booted machines to copy",
    description:
      "After the first run of an image and size, banger freezes a machine that has just booted and belongs to nobody. Later ones are " +
      "copies of it, each with an identity of its own, and answer in a fraction of a second.",
    examples: [
      { command: "banger template list", note: "what there is" },
      { command: "banger template build --image debian-bookworm-slim", note: "make one beforehand" },
      { command: "banger vm run --cold", note: "boot, without one" },
    ],
  },
  {
    path: ["daemon"],
    summary: "The program in the background",
    description:
      "One daemon for each user looks after the machines. It starts with the first command that needs it; machines go on when " +
      "it ends.",
    examples: [{ command: "banger daemon status", note: "whether it runs, and where its log is" }],
  },
];
