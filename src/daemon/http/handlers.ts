import type { z } from "zod";
import type { Context } from "../../lib/context.ts";
import { fault, isFault } from "../../lib/errors/error.ts";
import type { Route, RouteName, routes } from "../../model/api/routes.ts";
import type { OperationEvent } from "../../model/operation.ts";
import type { Services } from "../services.ts";

type Contract = typeof routes;
type BodyOf<R extends Route> = R["body"] extends z.ZodObject ? z.output<R["body"]> : undefined;
type QueryOf<R extends Route> = R["query"] extends z.ZodObject ? z.output<R["query"]> : undefined;
type AnswerOf<R extends Route> = R["stream"] extends string
  ? AsyncIterable<Buffer | string>
  : z.input<R["answer"]>;

export interface Call<R extends Route> {
  params: Record<string, string>;
  body: BodyOf<R>;
  query: QueryOf<R>;
  /** The body of a request that is streamed. */
  upload: R["upload"] extends string ? AsyncIterable<Buffer> : undefined;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

export type Handlers = {
  [Name in Exclude<RouteName, "execVm" | "dialVm">]: (
    call: Call<Contract[Name]>,
  ) => AnswerOf<Contract[Name]> | Promise<AnswerOf<Contract[Name]>>;
};

/** What each route of the contract does. Exec and dial are not here: they take over their connections (`sessions/`). */
export function makeHandlers(services: Services): Handlers {
  const { vms, images, kernels, operations } = services;
  const usingImage = (id: string): string[] => vms.usingImage(id);
  return {
    info: () => services.info(),
    doctor: ({ signal }) => services.doctor(signal),
    defaults: () => services.defaults(),
    shutdown: () => {
      services.shutdown();
      return {};
    },

    listVms: () => vms.list(),
    createVm: ({ body }) =>
      operations.start("vm.create", body.name ?? "a new vm", (context) => vms.create(body, context)),
    pruneVms: () =>
      operations.start("vm.prune", "all stopped vms", async (context) => {
        const pruned = await vms.prune(context);
        await images.sweep(usingImage);
        return pruned;
      }),
    showVm: ({ params }) => vms.show(ref(params)),
    vmStats: ({ params, signal }) => vms.stats(ref(params), signal),
    stats: ({ signal }) => vms.allStats(signal),
    setVm: ({ params, body }) => vms.set(ref(params), body),
    deleteVm: ({ params }) =>
      operations.start("vm.delete", ref(params), async (context) => {
        const vm = await vms.remove(ref(params), context);
        await images.sweep(usingImage);
        return vm;
      }),
    startVm: ({ params }) =>
      operations.start("vm.start", ref(params), (context) => vms.start(ref(params), context)),
    stopVm: ({ params, body }) =>
      operations.start("vm.stop", ref(params), (context) => vms.stop(ref(params), body, context)),
    restartVm: ({ params, body }) =>
      operations.start("vm.restart", ref(params), (context) => vms.restart(ref(params), body, context)),
    killVm: ({ params, body }) =>
      operations.start("vm.kill", ref(params), (context) =>
        vms.kill(ref(params), { signal: `SIG${body.signal}` as NodeJS.Signals }, context),
      ),
    sshVm: ({ params, signal }) => vms.ssh(ref(params), signal),
    waitVm: ({ params, body }) =>
      operations.start("vm.wait", ref(params), (context) => vms.wait(ref(params), body, context)),
    vmLogs: ({ params, query: { since, follow = false, ...rest }, signal }) =>
      vms.logs(
        ref(params),
        { ...rest, follow, since: since === undefined ? undefined : Date.parse(since) },
        signal,
      ),
    commitVm: ({ params, body }) =>
      operations.start("vm.commit", body.name, (context) => vms.commit(ref(params), body, context)),
    detachVm: async ({ params, body, signal }) => ({ id: await vms.detach(ref(params), body, signal) }),
    listJobs: ({ params, signal }) => vms.jobs(ref(params), signal),
    killJob: async ({ params, body, signal }) => {
      const number = /^\d{1,9}$/.test(params.job ?? "") ? Number(params.job) : 0;
      await vms.killJob(ref(params), number, body.signal, signal);
      return {};
    },

    vmPorts: ({ params }) => vms.ports(ref(params)),
    readFiles: ({ params, query: { path, name, follow }, signal }) => {
      const spec = { path, ...(name === undefined ? {} : { name }), follow: follow ?? true };
      return vms.pack(ref(params), spec, signal);
    },
    writeFiles: ({ params, query: { path, directory, keep_owners, owner }, upload, signal }) => {
      const spec = { path, directory: directory ?? false, keepOwners: keep_owners ?? false };
      return vms.unpack(ref(params), { ...spec, ...(owner === undefined ? {} : { owner }) }, upload, signal);
    },
    writeFile: ({ params, query: { path, owner, mode }, upload, signal }) => {
      const spec = {
        path,
        ...(owner === undefined ? {} : { owner }),
        ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
      };
      return vms.store(ref(params), spec, upload, signal);
    },

    listImages: () => images.list(),
    availableImages: ({ signal }) => images.available(quiet(signal)),
    pullImage: ({ body: { name, ...request } }) =>
      operations.start("image.pull", name, (context) => images.pull(name, context, request)),
    loadImage: ({ upload, query, signal }) => images.load(upload, quiet(signal), query),
    saveImage: ({ params, signal }) => images.save(ref(params), quiet(signal)),
    buildImage: ({ body }) =>
      operations.start("image.build", body.name, (context) => vms.buildImage(body, context)),
    showImage: async ({ params, query, signal }) => {
      const image = await (query.verify ? images.verify(ref(params), signal) : images.show(ref(params)));
      return { ...image, vms: vms.usingImage(image.id) };
    },
    registerImage: ({ body: { name, ...request } }) =>
      operations.start("image.register", name, (context) => images.register(name, request, context)),
    promoteImage: ({ params }) =>
      operations.start("image.promote", ref(params), async (context) => {
        const promoted = await images.promote(ref(params), usingImage, context);
        // Theirs are layers over the file where it was.
        await vms.forgetTemplates({ image: promoted.id });
        return promoted;
      }),
    renameImage: ({ params, body, signal }) =>
      images.rename(ref(params), body.name, { signal, report: () => undefined }),
    pruneImages: async ({ body }) => {
      const pruned = await images.prune(body, usingImage);
      if (!pruned.dryRun) for (const { id } of pruned.deleted) await vms.forgetTemplates({ image: id });
      return pruned;
    },
    pruneCache: ({ body }) => {
      const busy = operations.list().find(({ state }) => state === "running");
      if (busy) throw fault("cache_busy", { kind: busy.kind, target: busy.target });
      return services.pruneCache(body);
    },
    deleteImage: async ({ params, query }) => {
      const force = query.force ?? false;
      const { id, name } = await images.show(ref(params));
      const templates = force ? [] : await vms.templatesUsing({ image: id });
      if (templates.length > 0) throw fault("image_in_use", { name, vms: usingImage(id), templates });
      // First: they are of no use without the image, and it is of every use without them.
      await vms.forgetTemplates({ image: id });
      return await images.remove(id, usingImage, { force });
    },

    listCatalogs: () => services.catalogs.list(),
    updateCatalogs: () =>
      operations.start("catalog.update", "all catalogs", (context) => services.catalogs.update(context)),

    listKernels: () => kernels.list(),
    availableKernels: () => kernels.available(),
    pullKernel: ({ body: { name, force } }) =>
      operations.start("kernel.pull", name, (context) => kernels.pull(name, { force }, context)),
    showKernel: ({ params }) => kernels.show(params.name ?? ""),
    importKernel: ({ body }) =>
      operations.start("kernel.import", body.name, (context) => kernels.import(body, context)),
    deleteKernel: async ({ params, query }) => {
      const name = params.name ?? "";
      const users = vms.usingKernel(name);
      if (users.length > 0) throw fault("kernel_in_use", { name, vms: users, images: [], templates: [] });
      const naming = query.force ? [] : (await images.list()).filter(({ kernel }) => kernel === name);
      const templates = query.force ? [] : await vms.templatesUsing({ kernel: name });
      if (naming.length + templates.length > 0) {
        throw fault("kernel_in_use", { name, vms: [], images: naming.map((image) => image.name), templates });
      }
      await vms.forgetTemplates({ kernel: name });
      return await kernels.remove(name);
    },

    listTemplates: () => vms.templates(),
    buildTemplate: ({ body }) =>
      operations.start("template.build", body.image ?? "the default image", (context) =>
        vms.buildTemplate(body, context),
      ),
    deleteTemplate: ({ params }) => vms.removeTemplate(ref(params)),

    listOperations: () => operations.list(),
    showOperation: ({ params }) => operations.show(params.id ?? ""),
    cancelOperation: ({ params }) => operations.cancel(params.id ?? ""),
    operationEvents: ({ params, query, signal }) => {
      const id = params.id ?? "";
      operations.show(id);
      return eventLines(services, id, query.cancel_on_disconnect ?? false, signal);
    },
  };
}

/** For work whose client sees how far it is by the bytes that it sends or gets. */
function quiet(signal: AbortSignal): Context {
  return { signal, report: () => undefined };
}

function ref(params: Record<string, string>): string {
  return params.ref ?? "";
}

/** The events of an operation as JSON lines. A client that asked for it cancels the operation by going away. */
async function* eventLines(
  { operations }: Services,
  id: string,
  cancelOnDisconnect: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const queue: OperationEvent[] = [];
  let wake: () => void = () => undefined;
  const stop = operations.listen(id, (event) => {
    queue.push(event);
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      const event = queue.shift();
      if (!event) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield `${JSON.stringify(event)}\n`;
      if (event.type === "end") return;
    }
  } finally {
    stop();
    signal.removeEventListener("abort", onAbort);
    if (cancelOnDisconnect && operations.show(id).state === "running") {
      operations.cancel(id).catch((error: unknown) => {
        if (!isFault(error, "operation_not_found")) throw error;
      });
    }
  }
}
