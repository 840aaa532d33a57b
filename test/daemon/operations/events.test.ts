import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "../../../src/client/http/request.ts";
import type { Context, Progress } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { fakeServices, sampleVm, untilCancelled } from "../../support/fake-services.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/serve.ts";

describe("following an operation", () => {
  test("hears its progress and gets its result", async (t) => {
    const services = fakeServices();
    services.on("vms.create", (_: unknown, { report }: Context) => {
      report({ stage: "vm.start", state: "started", message: "starting dev" });
      report({ stage: "vm.start", state: "done", message: "starting dev", elapsed: 3 });
      return sampleVm;
    });
    const { banger } = await serve(t, services);
    const heard: Progress[] = [];
    const vm = await banger.vms.create({}, { onProgress: (progress) => heard.push(progress) });
    assert.deepEqual(vm, sampleVm);
    assert.deepEqual(heard, [
      { stage: "vm.start", state: "started", message: "starting dev" },
      { stage: "vm.start", state: "done", message: "starting dev", elapsed: 3 },
    ]);
  });

  test("gets its failure as the error that it was", async (t) => {
    const services = fakeServices();
    services.on("images.pull", () => {
      throw fault("image_exists", { name: "x", id: "1" });
    });
    const { banger } = await serve(t, services);
    await rejectsWith(banger.images.pull("x"), "image_exists", 'image "x" exists already (id 1)');
  });

  test("and aborting cancels it, and returns when everything is undone", async (t) => {
    const services = fakeServices();
    let undone = false;
    services.on("vms.create", (_: unknown, context: Context) =>
      untilCancelled(context, () => {
        undone = true;
      }),
    );
    const { banger } = await serve(t, services);
    const abort = new AbortController();
    const creating = banger.vms.create({}, { signal: abort.signal, onProgress: () => abort.abort() });
    await rejectsWith(creating, "interrupted", "vm.create was cancelled");
    assert.equal(undone, true);
    assert.equal(services.operations.list()[0]?.state, "cancelled");
  });

  test("with a signal that has aborted already cancels it too", async (t) => {
    const services = fakeServices();
    services.on("vms.create", (_: unknown, context: Context) => untilCancelled(context, () => undefined));
    const { banger } = await serve(t, services);
    await rejectsWith(banger.vms.create({}, { signal: AbortSignal.abort() }), "interrupted");
  });
});

describe("a client that vanishes", () => {
  async function vanish(socket: string, id: string, query: string): Promise<void> {
    const response = await request({ socket, method: "GET", path: `/v1/operations/${id}/events${query}` });
    for await (const _ of response.body) break;
    response.close();
  }

  test("cancels the operation if it said so", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    const undone = Promise.withResolvers<void>();
    const { id } = services.operations.start("vm.create", "x", (context) =>
      untilCancelled(context, undone.resolve),
    );
    await vanish(socket, id, "?cancel_on_disconnect=true");
    await undone.promise;
  });

  test("leaves it alone otherwise", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    const { id } = services.operations.start("vm.create", "x", (context) =>
      untilCancelled(context, () => undefined),
    );
    await vanish(socket, id, "");
    await delay(50);
    assert.equal(services.operations.show(id).state, "running");
    await services.operations.cancel(id);
  });
});
