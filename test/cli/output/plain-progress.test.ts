import assert from "node:assert/strict";
import { test } from "node:test";
import { PlainProgress } from "../../../src/cli/output/plain-progress.ts";
import { Capture } from "../world.ts";

test("each stage is a line when it starts and a line when it ends", () => {
  const stream = new Capture();
  const view = new PlainProgress(stream);
  view.report({ stage: "a", state: "started", message: "checking signatures" });
  view.report({ stage: "b", state: "started", message: "installing packages" });
  view.report({ stage: "b", state: "progress", message: "installing", current: 1, total: 2 });
  view.report({ stage: "a", state: "done", message: "checking signatures", elapsed: 108 });
  view.report({ stage: "b", state: "done", message: "packages installed", elapsed: 83_000 });
  view.report({ stage: "c", state: "note", message: "no KVM: \x1b[0m" });
  view.end();
  assert.equal(
    stream.text,
    [
      "checking signatures",
      "installing packages",
      "checking signatures: done (108 ms)",
      "packages installed (1 min 23 s)",
      "no KVM: \\x1b[0m",
      "",
    ].join("\n"),
  );
});

test("works that run at once are told apart", () => {
  const stream = new Capture();
  const view = new PlainProgress(stream);
  for (const target of ["dev", "web"]) {
    view.report({ stage: "a", state: "started", message: "stopping" }, target);
  }
  view.report({ stage: "a", state: "done", message: "stopping" }, "web");
  assert.equal(stream.text, "dev: stopping\nweb: stopping\nweb: stopping: done\n");
});
