import type { Context } from "../../lib/context.ts";
import type { ImageCatalogSource } from "../../model/image.ts";
import { parseReference } from "../oci/reference.ts";
import type { RegistrySource } from "../plan.ts";
import type { BuiltRootfs, RootfsSource } from "../source.ts";

type OciReferenceSource = Extract<ImageCatalogSource, { kind: "oci" }>;

/** Images of registries that a catalog names by their digest. */
export class OciCatalogSource implements RootfsSource<"oci"> {
  readonly #registry: RegistrySource;

  constructor(options: { registry: RegistrySource }) {
    this.#registry = options.registry;
  }

  async removeLeftovers(): Promise<void> {
    // Blobs are kept for the next image.
  }

  /** @throws image_reference_invalid, and what the registry's client throws */
  async build(_: string, source: OciReferenceSource, path: string, context: Context): Promise<BuiltRootfs> {
    const made = await this.#registry.build(parseReference(source.reference), {}, path, context);
    const { init, config, sha256 } = made;
    return {
      ...(init === undefined ? {} : { init }),
      ...(config === undefined ? {} : { config }),
      ...(sha256 === undefined ? {} : { sha256 }),
      detail: made.source.detail,
    };
  }
}
