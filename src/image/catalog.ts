import type { ImageCatalogEntry } from "../model/image.ts";

/** The images that banger knows how to get. */
export const imageCatalog: readonly ImageCatalogEntry[] = [
  {
    name: "debian-bookworm",
    description: "Debian 12 with Docker and the tools that one reaches for",
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    sources: [{ kind: "debian", recipe: "debian-bookworm" }],
  },
  {
    name: "debian-bookworm-slim",
    description: "Debian 12 with systemd, ssh, git and little else",
    arch: "amd64",
    distro: "debian",
    kernel: "generic-6.1",
    sources: [{ kind: "debian", recipe: "debian-bookworm-slim" }],
  },
];
