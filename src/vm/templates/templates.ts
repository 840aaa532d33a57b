import type { Context } from "../../lib/context.ts";
import { fault } from "../../lib/errors/error.ts";
import type { BuildTemplate } from "../../model/api/requests.ts";
import type { Template as TemplateView } from "../../model/template.ts";
import type { VmParts } from "../parts.ts";
import { resolveSpec } from "../spec.ts";
import type { TemplateBuilder } from "./builder.ts";
import type { Template } from "./store.ts";

/** What templates are made of: the image with an id, the kernel of a name. */
export type TemplateUse = { readonly image: string } | { readonly kernel: string };

/** What can be asked of templates. */
export class Templates {
  readonly #parts: VmParts;
  readonly #builder: TemplateBuilder;

  constructor(parts: VmParts, builder: TemplateBuilder) {
    this.#parts = parts;
    this.#builder = builder;
  }

  async list(): Promise<TemplateView[]> {
    return (await this.#parts.templates.list()).map(viewOf);
  }

  /** @throws vm_spec_invalid, template_failed, and what driver, image, kernel and guest throw */
  async build(request: BuildTemplate, context: Context): Promise<TemplateView> {
    const { host, config, images } = this.#parts;
    resolveSpec(request, host, config);
    const { manifest } = await images.ensure(request.image ?? config.default_image_name, context);
    const spec = resolveSpec(request, host, config, { name: manifest.name, size: manifest.rootfs.size });
    const { id } = await this.#builder.build({ image: manifest.id, kernel: request.kernel, spec }, context);
    return viewOf(await this.#find(id));
  }

  /** @throws template_not_found */
  async remove(ref: string): Promise<{ id: string; freed: number }> {
    const { manifest, size } = await this.#find(ref);
    await this.#parts.templates.remove(manifest.id);
    return { id: manifest.id, freed: size };
  }

  async using(what: TemplateUse): Promise<string[]> {
    const all = await this.#parts.templates.list();
    const using = all.filter(({ manifest: { image, kernel } }) =>
      "image" in what ? image.id === what.image : kernel === what.kernel,
    );
    return using.map(({ manifest }) => manifest.id);
  }

  async forget(what: TemplateUse): Promise<void> {
    for (const id of await this.using(what)) await this.#parts.templates.remove(id);
  }

  async #find(ref: string): Promise<Template> {
    const all = await this.#parts.templates.list();
    const found = ref.length < 3 ? [] : all.filter(({ manifest }) => manifest.id.startsWith(ref));
    if (found.length !== 1 || !found[0]) throw fault("template_not_found", { ref });
    return found[0];
  }
}

function viewOf({ manifest, size, usedAt }: Template): TemplateView {
  const { id, image, kernel, accelerator, spec, createdAt, took } = manifest;
  return { id, image, kernel, accelerator, spec, size, createdAt, usedAt: usedAt.toISOString(), took };
}
