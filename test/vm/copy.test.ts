import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fault } from "../../src/lib/errors/error.ts";
import { gather } from "../archive/support.ts";
import { noRealAgent } from "../guest/real-agent.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { quiet, World } from "./world/world.ts";

const { signal } = new AbortController();

async function* pieces(...some: string[]): AsyncGenerator<Buffer> {
  for (const one of some) yield Buffer.from(one);
}

describe("copies", () => {
  test("go to the agent, and its counts come back", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const result = await service.unpack("dev", { path: "/srv" }, pieces("ab", "c"), signal);
    assert.deepEqual(result, { entries: 1, bytes: 3, leftOut: 0 });
    assert.deepEqual(world.guest.copies[0]?.spec.args, ["unpack", "/srv"]);
    await service.store("dev", { path: "/x" }, pieces("y"), signal);
    const archive = await service.pack("dev", { path: "/y" }, signal);
    assert.equal(String(await gather(archive)), "1 0 0\n");
  });

  test("that the guest cannot finish say why", async () => {
    await using world = new World();
    world.manners = { refusesCopies: true };
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    await rejectsWith(
      service.unpack("dev", { path: "/srv" }, pieces("ab"), signal),
      "copy_failed",
      'cannot copy to "/srv": srv/x: No space left on device; what had been copied was removed again',
    );
    const packing = await service.pack("dev", { path: "/y" }, signal);
    await rejectsWith(gather(packing), "copy_failed", 'cannot copy "/y": srv/x: No space left on device');
  });

  test("whose source fails are broken off with its error", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const failing = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from("half");
      throw fault("interrupted", { what: "the source" });
    };
    await rejectsWith(
      service.store("dev", { path: "/x" }, failing(), signal),
      "interrupted",
      "the source was cancelled",
    );
    await rejectsWith(world.guest.copies[0]?.exited ?? Promise.resolve(), "interrupted");
  });

  test("end when nobody wants them any more", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const stop = new AbortController();
    const waiting = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from("half");
      stop.abort();
    };
    await rejectsWith(service.store("dev", { path: "/x" }, waiting(), stop.signal), "interrupted");
  });

  test("need a machine that runs", async () => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev", start: false }, quiet());
    await rejectsWith(
      service.pack("dev", { path: "/x" }, signal),
      "vm_wrong_state",
      'vm "dev" is created; to copy files it must be running',
    );
  });

  test("take files of the host", { skip: noRealAgent() }, async (t) => {
    await using world = new World();
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const path = join(temporaryDirectory(t), "file");
    writeFileSync(path, "content");
    const source = { path: Buffer.from(path), name: Buffer.from("file") };
    const { bytes } = await service.copyIn("dev", [source], { path: "/srv" }, signal);
    assert.ok(bytes >= 2048, `${bytes} bytes of archive`);
    const missing = { path: Buffer.from(`${path}2`), name: Buffer.from("x") };
    await rejectsWith(service.copyIn("dev", [missing], { path: "/srv" }, signal), "file_missing");
  });
});
