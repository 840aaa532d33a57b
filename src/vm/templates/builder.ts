import { type Context, detachedContext, step } from "../../lib/context.ts";
import { messageOf } from "../../lib/errors/error.ts";
import { parseSize } from "../../lib/size.ts";
import type { VmRecord } from "../../store/vm-repository.ts";
import type { Background } from "../background.ts";
import { Mutex } from "../mutex.ts";
import type { VmParts } from "../parts.ts";
import { buildTemplate, type TemplateWish } from "./build.ts";
import { reasons } from "./choose.ts";
import type { TemplateManifest } from "./manifest.ts";

/** Makes templates, one at a time: on request, and in the background for what was started without one. */
export class TemplateBuilder {
  readonly #parts: VmParts;
  readonly #background: Background;
  readonly #signal: AbortSignal;
  readonly #turn = new Mutex();
  /** What was asked for by a start since this daemon began, whatever came of it: a failure is not repeated at every start. */
  readonly #wished = new Set<string>();

  /** @param signal aborts what is under way when the daemon ends */
  constructor(parts: VmParts, background: Background, signal: AbortSignal) {
    this.#parts = parts;
    this.#background = background;
    this.#signal = signal;
  }

  /** After a start: if it had to boot for want of a template, the next one of its kind shall not. */
  consider(record: VmRecord): void {
    if (record.origin?.reason !== reasons.none) return;
    const wish = { image: record.image.id, kernel: record.kernel, spec: record.spec };
    const name = nameOf(wish);
    if (this.#wished.has(name)) return;
    this.#wished.add(name);
    this.#background.start(`making a template of ${record.image.name}`, async () => {
      try {
        await this.build(wish, detachedContext(this.#signal));
      } finally {
        // One that was made and removed again may be made again.
        if (await this.#exists(record)) this.#wished.delete(name);
      }
    });
  }

  /** Makes one, or finds it made. @throws template_failed, and what driver, image, kernel and guest throw */
  async build(wish: TemplateWish, context: Context): Promise<TemplateManifest> {
    const signal = AbortSignal.any([context.signal, this.#signal]);
    const message = `making a template of ${wish.image}`;
    return await step({ ...context, signal }, "template.build", message, () =>
      this.#turn.run(message, signal, () => this.#build(wish, { ...context, signal })),
    );
  }

  async #build(wish: TemplateWish, context: Context): Promise<TemplateManifest> {
    const { templates, config, log } = this.#parts;
    const manifest = await buildTemplate(this.#parts, wish, context);
    const { id, image, took } = manifest;
    log("a template was made", { template: id, image: image.name, took });
    const evicted = await templates.evict(parseSize("template_budget", config.template_budget), id);
    if (evicted.length > 0) log("templates were removed to make room", { templates: evicted });
    return manifest;
  }

  async #exists(record: VmRecord): Promise<boolean> {
    try {
      const all = await this.#parts.templates.list();
      return all.some(({ manifest }) => manifest.image.id === record.image.id);
    } catch (error) {
      this.#parts.log("looking for templates failed", { error: messageOf(error) });
      return false;
    }
  }
}

function nameOf({ image, kernel, spec }: TemplateWish): string {
  return JSON.stringify([image, kernel, spec.vcpu, spec.memory, spec.disk, spec.nat]);
}
