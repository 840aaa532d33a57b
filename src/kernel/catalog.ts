import type { KernelCatalogEntry } from "../model/kernel.ts";

/** The kernels that can be pulled by name: Debian's cloud kernels, made for virtual machines. */
export const kernelCatalog: readonly KernelCatalogEntry[] = [
  {
    name: "generic-6.1",
    description: "Debian 12 (bookworm) cloud kernel, Linux 6.1",
    arch: "amd64",
    source: { kind: "debian", suite: "bookworm", package: "linux-image-cloud-amd64" },
  },
  {
    name: "generic-6.12",
    description: "Debian 13 (trixie) cloud kernel, Linux 6.12",
    arch: "amd64",
    source: { kind: "debian", suite: "trixie", package: "linux-image-cloud-amd64" },
  },
];
