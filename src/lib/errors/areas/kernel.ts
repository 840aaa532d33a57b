import { define, listed, show } from "../define.ts";

/** Kernels: names, the local store, pulling. */
export const kernelErrors = {
  kernel_not_found: define<{ name: string; available: string[] }>({
    status: 404,
    message: (p) => `kernel ${show(p.name)} not found`,
    remedy: (p) => `Use one of: ${listed(p.available)} (see \`banger kernel list --available\`)`,
    when: "The kernel is neither local nor in the catalog.",
  }),
  kernel_broken: define<{ name: string; path: string; problem: string }>({
    status: 500,
    message: (p) => `the local kernel ${show(p.name)} is broken: ${p.problem}`,
    remedy: (p) => `Replace it with \`banger kernel pull --force ${p.name}\`, or remove ${p.path}`,
    when: "A local kernel exists, but its manifest or a file of it is unreadable, truncated or not its own.",
  }),
  kernel_exists: define<{ name: string }>({
    status: 409,
    message: (p) => `kernel ${show(p.name)} exists already`,
    remedy: (p) => `Replace it with \`banger kernel pull --force ${p.name}\``,
    when: "`kernel pull` names a kernel that is already local.",
  }),
  kernel_in_use: define<{ name: string; vms: string[] }>({
    status: 409,
    message: (p) => `kernel ${show(p.name)} is used by ${listed(p.vms)}`,
    remedy: (p) => `Delete the machines first: banger vm delete ${p.vms.join(" ")}`,
    when: "A kernel cannot be removed while a machine boots from it.",
  }),
  kernel_unusable: define<{ name: string; problem: string }>({
    status: 422,
    message: (p) => `kernel ${show(p.name)} cannot be used: ${p.problem}`,
    remedy: () => "Take a kernel from `banger kernel list --available`",
    when: "A kernel package or tree lacks something that a machine needs to boot.",
  }),
};
