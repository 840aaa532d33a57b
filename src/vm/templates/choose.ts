import { isFault, messageOf } from "../../lib/errors/error.ts";
import type { VmOrigin } from "../../model/vm.ts";
import type { VmRecord } from "../../store/vm-repository.ts";
import type { MachineSpec } from "../../vmm/driver.ts";
import type { VmParts } from "../parts.ts";
import { templateKey } from "./manifest.ts";
import type { Template } from "./store.ts";

/** Where a machine's first start begins, and why there. */
export interface Choice {
  readonly origin: VmOrigin;
  readonly template?: Template | undefined;
}

export const reasons = {
  asked: "--cold was given",
  off: "templates are off",
  driver: "this driver makes no templates",
  none: "no template of this image and size yet",
};

/**
 * Decides whether a machine that has never run is copied from a template or booted. That a template cannot be looked for is no
 * reason not to boot.
 *
 * @param shape the machine; the place of its own disk does not matter
 */
export async function chooseOrigin(
  parts: VmParts,
  record: VmRecord,
  shape: MachineSpec,
  options: { cold: boolean; signal: AbortSignal },
): Promise<Choice> {
  if (options.cold) return cold(reasons.asked);
  if (parts.config.templates === "off") return cold(reasons.off);
  if (!parts.driver.features.snapshot) return cold(reasons.driver);
  try {
    const key = templateKey(record.image.id, await parts.driver.snapshotKey(shape, options.signal));
    const template = await parts.templates.find(key, record.spec.disk);
    if (!template) return cold(reasons.none);
    await check(parts, template);
    await parts.templates.touch(template.manifest.id);
    const { id } = template.manifest;
    return { template, origin: { path: "template", reason: "copied from a booted machine", template: id } };
  } catch (error) {
    if (options.signal.aborted) throw error;
    parts.log("no template can be used", { vm: record.name, error: messageOf(error) });
    return cold(messageOf(error));
  }
}

function cold(reason: string): Choice {
  return { origin: { path: "cold", reason } };
}

async function check(parts: VmParts, template: Template): Promise<void> {
  try {
    await parts.templates.check(template);
  } catch (error) {
    if (isFault(error, "template_broken")) await parts.templates.remove(template.manifest.id);
    throw error;
  }
}
