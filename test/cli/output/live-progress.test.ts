import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LiveProgress } from "../../../src/cli/output/live-progress.ts";
import { progressView } from "../../../src/cli/output/progress.ts";
import type { Progress } from "../../../src/lib/context.ts";
import { Screen } from "../screen.ts";
import { Capture } from "../world.ts";

const size = { columns: 60, rows: 24 };

function started(stage: string, message = stage): Progress {
  return { stage, state: "started", message };
}

function done(stage: string, elapsed = 1200): Progress {
  return { stage, state: "done", message: `${stage} done`, elapsed };
}

function shown(stream: Capture, columns = size.columns): string {
  return new Screen(columns).write(stream.text).text;
}

describe("on a terminal", () => {
  test("stages that run are drawn below those that have ended", () => {
    const stream = new Capture(size);
    const view = new LiveProgress(stream, {});
    view.report(started("pull"));
    view.report(started("unpack"));
    view.report(done("pull"));
    assert.match(shown(stream), /^✓ pull done 1\.2 s\n. unpack$/);
    view.end();
    assert.equal(shown(stream), "✓ pull done 1.2 s");
  });

  test("a stage tells how far it is", () => {
    const stream = new Capture(size);
    const view = new LiveProgress(stream, {});
    view.report({
      ...started("pull", "pulling"),
      state: "progress",
      current: 2 ** 20,
      total: 2 ** 22,
      unit: "bytes",
    });
    assert.match(shown(stream), /^. pulling {2}1 MiB of 4 MiB \(25%\)$/);
    view.end();
  });

  test("a stage that takes a while tells how fast it is", (t) => {
    let now = 0;
    t.mock.method(performance, "now", () => now);
    const stream = new Capture(size);
    const view = new LiveProgress(stream, {});
    const bytes = {
      ...started("pull", "pulling"),
      state: "progress",
      total: 2 ** 23,
      unit: "bytes",
    } as const;
    view.report({ ...bytes, current: 2 ** 20 });
    now = 2000;
    view.report({ ...bytes, current: 2 ** 22 });
    view.note("drawn again");
    assert.match(shown(stream), /\n. pulling {2}4 MiB of 8 MiB \(50%\) {2}1\.5 MiB\/s {2}2 s$/);
    view.end();
  });

  test("stages that did not come to their end are left behind when the work failed", () => {
    const stream = new Capture(size);
    const view = new LiveProgress(stream, {});
    view.report(started("pull", "pulling"));
    view.end(true);
    assert.equal(shown(stream), "✗ pulling");
    view.end(true);
    assert.equal(shown(stream), "✗ pulling");
  });

  test("notes stay, and works that run at once are told apart", () => {
    const stream = new Capture(size);
    const view = new LiveProgress(stream, {});
    view.report(started("stop"), "dev");
    view.report({ stage: "kvm", state: "note", message: "no KVM here" }, "dev");
    view.report(done("stop"), "dev");
    view.end();
    assert.equal(shown(stream), "· dev: no KVM here\n✓ dev: stop done 1.2 s");
  });

  test("no line is wider than the terminal, so that all of it can be drawn over", () => {
    const stream = new Capture({ columns: 30, rows: 5 });
    const view = new LiveProgress(stream, {});
    for (const stage of ["a", "b", "c", "d", "e"])
      view.report(started(stage, `${stage} ${"long ".repeat(20)}`));
    view.report(done("a"));
    for (const line of shown(stream, 30).split("\n")) assert.ok(line.length <= 30, line);
    assert.equal(shown(stream, 30).split("\n").length, 4);
    view.end();
    assert.equal(shown(stream, 30), "✓ a done 1.2 s");
  });

  test("whatever happens, only the lines that are to stay are left", () => {
    const stage = fc.constantFrom("a", "b", "c", "d");
    const step = fc.tuple(
      stage,
      fc.constantFrom("started", "progress", "done", "note") as fc.Arbitrary<Progress["state"]>,
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const stream = new Capture(size);
        const view = new LiveProgress(stream, {});
        for (const [name, state] of steps) view.report({ stage: name, state, message: `${name} ${state}` });
        view.end();
        const stay = steps.filter(([, state]) => state === "done" || state === "note");
        assert.deepEqual(
          shown(stream).split("\n"),
          stay.length === 0
            ? [""]
            : stay.map(([name, state]) => `${state === "done" ? "✓" : "·"} ${name} ${state}`),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe("the view that is picked", () => {
  const report = (stream: Capture, env: NodeJS.ProcessEnv, quiet: boolean): string => {
    const view = progressView(stream, env, { quiet });
    view.report(started("a"));
    view.report(done("a"));
    view.end();
    return stream.text;
  };

  test("moves on a terminal only", () => {
    assert.match(report(new Capture(size), {}, false), /✓/);
    assert.equal(report(new Capture(), {}, false), "a\na done (1.2 s)\n");
    assert.equal(report(new Capture(size), { TERM: "dumb" }, false), "a\na done (1.2 s)\n");
  });

  test("is silent when it is to be quiet", () => {
    assert.equal(report(new Capture(size), {}, true), "");
    assert.equal(report(new Capture(), {}, true), "");
  });
});
