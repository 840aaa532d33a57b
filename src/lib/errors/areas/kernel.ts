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
    remedy: () => "Pick another name, or replace it with --force",
    when: "`kernel pull` or `kernel import` names a kernel that is already local.",
  }),
  kernel_in_use: define<{ name: string; vms: string[]; images: string[]; templates: string[] }>({
    status: 409,
    message: (p) =>
      `kernel ${show(p.name)} is used by ${listed([...machines(p.vms), ...imagesOf(p.images), ...templatesOf(p.templates)])}`,
    remedy: (p) =>
      p.vms.length > 0
        ? `Delete the machines first: banger vm delete ${p.vms.join(" ")}`
        : p.images.length > 0
          ? "Delete the images first, or use --force: their machines then fetch it anew, or need --kernel if the catalog lacks it"
          : `Delete the templates first: banger template delete ${p.templates.join(" ")}; or use --force, which deletes them with it`,
    when: "A kernel cannot be removed while a machine boots from it, nor without --force while an image names it or a template is made with it.",
  }),
  kernel_unusable: define<{ name: string; problem: string }>({
    status: 422,
    message: (p) => `kernel ${show(p.name)} cannot be used: ${p.problem}`,
    remedy: () => "Take a kernel from `banger kernel list --available`, or build this one with what it lacks",
    when: "A kernel, its package or its modules lack something that a machine needs to boot.",
  }),
};

function machines(names: string[]): string[] {
  return names.map((name) => `the machine ${name}`);
}

function imagesOf(names: string[]): string[] {
  return names.map((name) => `the image ${name}`);
}

function templatesOf(ids: string[]): string[] {
  return ids.map((id) => `the template ${id}`);
}
