import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OperationRegistry } from "../../../src/daemon/operations/registry.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import type { OperationEvent } from "../../../src/model/operation.ts";
import { untilCancelled } from "../../support/fake-services.ts";
import { rejectsWith, throwsWith } from "../../support/faults.ts";

async function events(registry: OperationRegistry, id: string): Promise<OperationEvent[]> {
  const heard: OperationEvent[] = [];
  await new Promise<void>((resolve) => {
    registry.listen(id, (event) => {
      heard.push(event);
      if (event.type === "end") resolve();
    });
  });
  return heard;
}

describe("an operation", () => {
  test("is running at once, and succeeded with its result at the end", async () => {
    const registry = new OperationRegistry();
    const operation = registry.start("vm.create", "dev", async () => ({ id: "1" }));
    assert.equal(operation.state, "running");
    assert.equal(registry.running, 1);
    const heard = await events(registry, operation.id);
    assert.equal(heard.length, 1);
    const shown = registry.show(operation.id);
    assert.equal(shown.state, "succeeded");
    assert.deepEqual(shown.result, { id: "1" });
    assert.ok(shown.endedAt);
    assert.equal(registry.running, 0);
  });

  test("that fails keeps the problem", async () => {
    const registry = new OperationRegistry();
    const { id } = registry.start("vm.create", "dev", async () => {
      throw fault("vm_name_taken", { name: "dev" });
    });
    await events(registry, id);
    const { state, error } = registry.show(id);
    assert.equal(state, "failed");
    assert.equal(error?.code, "vm_name_taken");
    assert.equal(error?.message, 'a vm named "dev" exists already');
  });

  test("that is cancelled has undone its work when cancel returns", async () => {
    const registry = new OperationRegistry();
    let undone = false;
    const { id } = registry.start("vm.create", "dev", (context) =>
      untilCancelled(context, () => {
        undone = true;
      }),
    );
    const ended = await registry.cancel(id);
    assert.equal(undone, true);
    assert.equal(ended.state, "cancelled");
    assert.equal(ended.error?.code, "interrupted");
  });

  test("that has ended is not changed by cancelling it", async () => {
    const registry = new OperationRegistry();
    const { id } = registry.start("vm.start", "dev", async () => 1);
    await events(registry, id);
    assert.equal((await registry.cancel(id)).state, "succeeded");
  });

  test("tells a late listener the first and the last event of each stage, then the end", async () => {
    const registry = new OperationRegistry();
    const { id } = registry.start("image.pull", "x", async ({ report }) => {
      report({ stage: "a", state: "started", message: "a" });
      for (let current = 1; current <= 9; current += 1) {
        report({ stage: "a", state: "progress", message: "a", current });
      }
      report({ stage: "b", state: "note", message: "b" });
    });
    await registry.cancel(id);
    assert.deepEqual(
      (await events(registry, id)).map((event) =>
        event.type === "end" ? event.operation.state : event.progress,
      ),
      [
        { stage: "a", state: "started", message: "a" },
        { stage: "a", state: "progress", message: "a", current: 9 },
        { stage: "b", state: "note", message: "b" },
        "succeeded",
      ],
    );
  });

  test("stops telling a listener that has left", async () => {
    const registry = new OperationRegistry();
    const gate = Promise.withResolvers<void>();
    const { id } = registry.start("vm.start", "x", async ({ report }) => {
      await gate.promise;
      report({ stage: "a", state: "note", message: "a" });
    });
    const heard: OperationEvent[] = [];
    registry.listen(id, (event) => heard.push(event))();
    gate.resolve();
    await events(registry, id);
    assert.deepEqual(heard, []);
  });
});

test("unknown operations are said to be so", async () => {
  const registry = new OperationRegistry();
  throwsWith(() => registry.show("x"), "operation_not_found", 'operation "x" not found');
  throwsWith(() => registry.listen("x", () => undefined), "operation_not_found");
  await rejectsWith(registry.cancel("x"), "operation_not_found");
});

test("operations are listed newest first, and only so many ended ones are kept", async () => {
  const registry = new OperationRegistry();
  const ids: string[] = [];
  for (let i = 0; i < 210; i += 1) {
    const { id } = registry.start("vm.start", `vm-${i}`, async () => i);
    await events(registry, id);
    ids.push(id);
  }
  const listed = registry.list();
  assert.ok(listed.length <= 201);
  assert.equal(listed[0]?.id, ids.at(-1));
  throwsWith(() => registry.show(ids[0] as string), "operation_not_found");
});
