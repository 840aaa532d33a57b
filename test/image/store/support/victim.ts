import { writeFileSync } from "node:fs";
import { ImageService } from "../../../../src/image/service.ts";
import { detachedContext } from "../../../../src/lib/context.ts";
import { tinyExt4 } from "../../images.ts";

/** Does one thing to the images of a directory: `victim.ts make|rename|delete|prune DIRECTORY`. */
const [what, directory = ""] = process.argv.slice(2);
const service = new ImageService({
  directory,
  sources: { debian: { removeLeftovers: async () => undefined, build: async () => ({ detail: "" }) } },
  catalog: [],
});
const context = detachedContext();
const nobody = (): string[] => [];

if (what === "make") {
  const source = { kind: "commit", detail: "" };
  const fill = async (rootfs: string) => {
    writeFileSync(rootfs, tinyExt4());
    return { arch: "amd64", distro: "debian", kernel: "generic-6.1", source } as const;
  };
  await service.make("mine", fill, context);
}
if (what === "rename") await service.rename("mine", "other", context);
if (what === "delete") await service.remove("mine", nobody);
if (what === "force") await service.remove("mine", () => ["dev"], { force: true });
if (what === "prune") await service.prune({ all: true, dryRun: false }, nobody);
