import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ImageService } from "../../../src/image/service.ts";
import type { Image } from "../../../src/model/image.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { FakeSource } from "../images.ts";

const support = join(import.meta.dirname, "support");

function run(what: string, directory: string, fatalStep = 0): string | number {
  const args = ["--import", join(support, "fatal-step.ts"), join(support, "victim.ts"), what, directory];
  const env = { ...process.env, FATAL_STEP: String(fatalStep) };
  const { status, signal, stderr } = spawnSync(process.execPath, args, { env });
  assert.ok(status === 0 || signal === "SIGKILL", String(stderr));
  return signal ?? 0;
}

/** What the next daemon finds, after it has cleared away. */
async function next(directory: string): Promise<Image[]> {
  const service = new ImageService({ directory, sources: { debian: new FakeSource() }, catalog: [] });
  await service.removeLeftovers();
  const images = await service.list();
  const found = readdirSync(directory).filter((name) => name !== ".locks");
  assert.deepEqual(found.sort(), images.map(({ id }) => id).sort());
  for (const { id, problem } of images) {
    assert.equal(problem, undefined);
    assert.deepEqual(readdirSync(join(directory, id)).sort(), ["manifest.json", "name", "rootfs.ext4"]);
    await service.verify(id, new AbortController().signal);
  }
  return images;
}

interface Scenario {
  what: string;
  before: string[];
  /** Names afterwards: as if nothing had happened, or as if all had. */
  either: string[];
  or: (id: string) => string[];
  steps: number;
}

const scenarios: Scenario[] = [
  { what: "make", before: [], either: [], or: () => ["mine"], steps: 8 },
  { what: "rename", before: ["make"], either: ["mine"], or: () => ["other"], steps: 6 },
  { what: "delete", before: ["make"], either: ["mine"], or: () => [], steps: 3 },
  {
    what: "force",
    before: ["make"],
    either: ["mine"],
    or: (id) => [`mine@deleted-${id}`],
    steps: 6,
  },
  { what: "prune", before: ["make"], either: ["mine"], or: () => [], steps: 3 },
];

describe("a process that is killed at any step", () => {
  for (const { what, before, either, or, steps } of scenarios) {
    test(`of "${what}" leaves images that are whole or not there, and it can be done again`, async (t) => {
      const start = join(temporaryDirectory(t), "images");
      mkdirSync(start);
      for (const step of before) run(step, start);
      const [present] = await next(start);
      let done = 0;
      for (let at = 1; done === 0; at += 1) {
        const directory = join(temporaryDirectory(t), "images");
        cpSync(start, directory, { recursive: true, preserveTimestamps: true });
        if (run(what, directory, at) !== "SIGKILL") done = at - 1;
        const names = (await next(directory)).map(({ name }) => name);
        const after = or(present?.id ?? "");
        const isUndone = JSON.stringify(names) === JSON.stringify(either);
        assert.ok(isUndone || JSON.stringify(names) === JSON.stringify(after), `step ${at}: ${names}`);
        if (!isUndone) continue;
        run(what, directory);
        assert.deepEqual(
          (await next(directory)).map(({ name }) => name),
          after,
        );
      }
      assert.ok(done >= steps, `only ${done} steps`);
    });
  }
});
