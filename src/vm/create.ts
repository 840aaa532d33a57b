import type { Context } from "../lib/context.ts";
import { fault } from "../lib/errors/error.ts";
import { isDnsLabel, randomName } from "../lib/names.ts";
import type { CreateVm } from "../model/api/requests.ts";
import type { ImageManifest } from "../model/image.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import { cleanUp } from "./clean-up.ts";
import { newVmId } from "./identity.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { VmParts } from "./parts.ts";
import { resolveSpec } from "./spec.ts";
import { Stopwatch } from "./stopwatch.ts";

/**
 * Makes a machine in three phases: everything that can take long or be wrong is resolved while nothing is held, the name is
 * reserved in one short transaction, and the start has the machine's own lock. Returns the id.
 */
export async function createVm(
  parts: VmParts,
  lifecycle: Lifecycle,
  request: CreateVm,
  context: Context,
): Promise<string> {
  const id = newVmId();
  const watch = new Stopwatch();
  const { image, kernel } = await resolve(parts, id, request, watch, context);
  const handle = lifecycle.handles.get(id);
  return await handle.lock.run("creating", context.signal, async () => {
    const record = reserve(parts, id, request, image, kernel);
    try {
      if (request.start ?? true)
        await lifecycle.boot(handle, record, context, { watch, cold: request.cold ?? false });
      return id;
    } catch (error) {
      await cleanUp(parts.log, `removing ${record.name}, which did not start,`, () =>
        lifecycle.erase(handle),
      );
      throw error;
    }
  });
}

async function resolve(
  parts: VmParts,
  id: string,
  request: CreateVm,
  watch: Stopwatch,
  context: Context,
): Promise<{ image: ImageManifest; kernel: string }> {
  checkName(parts, request.name);
  // Before an image is pulled for minutes in vain.
  resolveSpec(request, parts.host, parts.config);
  parts.files.checkPaths(id);
  const { manifest } = await parts.images.ensure(request.image ?? parts.config.default_image_name, context);
  watch.lap("image");
  const kernel = request.kernel ?? manifest.kernel;
  await parts.kernels.ensure(kernel, context);
  watch.lap("kernel");
  return { image: manifest, kernel };
}

function reserve(
  parts: VmParts,
  id: string,
  request: CreateVm,
  image: ImageManifest,
  kernel: string,
): VmRecord {
  const taken = new Set(parts.vms.names());
  const record: VmRecord = {
    id,
    name: request.name ?? randomName((name) => taken.has(name)),
    state: "created",
    image: { id: image.id, name: image.name },
    kernel,
    driver: parts.driver.name,
    spec: resolveSpec(request, parts.host, parts.config, { name: image.name, size: image.rootfs.size }),
    provisioned: false,
    ephemeral: request.ephemeral ?? false,
    createdAt: new Date().toISOString(),
  };
  parts.vms.insert(record);
  return record;
}

function checkName(parts: VmParts, name: string | undefined): void {
  if (name === undefined) return;
  if (!isDnsLabel(name)) throw fault("vm_name_invalid", { name });
  if (parts.vms.byName(name)) throw fault("vm_name_taken", { name });
}
