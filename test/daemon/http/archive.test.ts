import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { describe, test } from "node:test";
import type { Files } from "../../../src/client/files.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import { file, gather, pack } from "../../archive/support.ts";
import { type FakeServices, fakeServices } from "../../support/fake-services.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/serve.ts";

async function filesOf(t: { after(work: () => unknown): void }): Promise<{
  files: Files;
  services: FakeServices;
  socket: string;
}> {
  const services = fakeServices();
  const { banger, socket } = await serve(t, services);
  return { files: await banger.vms.files("dev"), services, socket };
}

async function* endless(onEnd: () => void): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      yield Buffer.alloc(65_536, 1);
      await new Promise(setImmediate);
    }
  } finally {
    onEnd();
  }
}

async function* pieces(...some: Buffer[]): AsyncGenerator<Buffer> {
  yield* some;
}

describe("files of a machine over HTTP", () => {
  test("come as they are packed", async (t) => {
    const { files, services } = await filesOf(t);
    const archive = await pack(file("x", Buffer.alloc(200_000, "abc")));
    services.on("vms.pack", () => pieces(archive.subarray(0, 1000), archive.subarray(1000)));
    assert.deepEqual(await gather(await files.pack("/srv/a b?&é", { follow: false })), archive);
    assert.deepEqual(services.seen, [
      { name: "vms.pack", args: ["dev", { path: "/srv/a b?&é", name: "a b?&é", follow: false }] },
    ]);
    services.on("vms.pack", () => pieces(archive));
    assert.equal((await gather(files.read("/srv/x"))).length, 200_000);
  });

  test("that are missing, or fail on the way, end with that error", async (t) => {
    const { files, services } = await filesOf(t);
    services.on("vms.pack", () => {
      throw fault("file_missing", { path: "/x", where: "in the machine" });
    });
    await rejectsWith(files.pack("/x"), "file_missing", '"/x" does not exist in the machine');
    services.on("vms.pack", async function* () {
      yield Buffer.alloc(100_000);
      throw fault("copy_failed", { what: "é\n", reason: "it broke", undone: false });
    });
    const failing = await files.pack("/x");
    await rejectsWith(gather(failing), "copy_failed", "cannot copy é\n: it broke");
  });

  test("are no longer packed when the client leaves", async (t) => {
    const { files, services } = await filesOf(t);
    const ended = Promise.withResolvers<void>();
    services.on("vms.pack", () => endless(ended.resolve));
    for await (const piece of await files.pack("/x")) {
      assert.ok(piece.length > 0);
      break;
    }
    await ended.promise;
  });

  test("go in whole, with what was asked of them", async (t) => {
    const { files, services } = await filesOf(t);
    const sent = Buffer.alloc(300_000, "0123456789");
    const got: Buffer[] = [];
    services.on("vms.unpack", async (_: string, __: unknown, archive: AsyncIterable<Buffer>) => {
      got.push(await gather(archive));
      return { entries: 3, bytes: 5, leftOut: 1 };
    });
    services.on("vms.store", async (_: string, __: unknown, content: AsyncIterable<Buffer>) => {
      got.push(await gather(content));
      return { entries: 1, bytes: 5, leftOut: 0 };
    });
    let passed = 0;
    const onBytes = (total: number): void => {
      passed = total;
    };
    const into = pieces(sent.subarray(0, 7), Buffer.alloc(0), sent.subarray(7));
    const options = { owner: "ada:crew", directory: true, keepOwners: false, onBytes };
    assert.deepEqual(await files.unpack("/srv", into, options), { entries: 3, bytes: 5, leftOut: 1 });
    await files.write("/etc/x", pieces(), { mode: 0o40, owner: "ada" });
    assert.deepEqual(got, [sent, Buffer.alloc(0)]);
    assert.equal(passed, sent.length);
    assert.deepEqual(
      services.seen.map(({ args }) => args[1]),
      [
        { path: "/srv", directory: true, keepOwners: false, owner: "ada:crew" },
        { path: "/etc/x", owner: "ada", mode: 0o40 },
      ],
    );
  });

  test("are no longer sent when the daemon has given up", async (t) => {
    const { files, services } = await filesOf(t);
    const ended = Promise.withResolvers<void>();
    services.on("vms.unpack", async (_: string, __: unknown, archive: AsyncIterable<Buffer>) => {
      for await (const piece of archive) {
        assert.ok(piece.length > 0);
        throw fault("copy_failed", { what: 'to "/srv"', reason: "the disk is full", undone: true });
      }
    });
    await rejectsWith(
      files.unpack("/srv", endless(ended.resolve)),
      "copy_failed",
      'cannot copy to "/srv": the disk is full; what had been copied was removed again',
    );
    await ended.promise;
  });

  test("that the client stops sending are cut off, not taken for whole", async (t) => {
    const { files, services } = await filesOf(t);
    const outcome = Promise.withResolvers<unknown>();
    services.on("vms.store", async (_: string, __: unknown, content: AsyncIterable<Buffer>) => {
      await gather(content).then(outcome.resolve, outcome.reject);
    });
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from("half");
      throw fault("interrupted", { what: "the source" });
    };
    await rejectsWith(files.write("/x", broken()), "interrupted", "the source was cancelled");
    await rejectsWith(outcome.promise, "interrupted", "the copy was cancelled");

    const stop = new AbortController();
    const seen = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    services.on("vms.unpack", async (_: string, __: unknown, archive: AsyncIterable<Buffer>) => {
      for await (const piece of archive) if (piece.length > 0) seen.resolve();
    });
    const copy = files.unpack("/x", endless(ended.resolve), { signal: stop.signal });
    await seen.promise;
    stop.abort();
    await rejectsWith(copy, "interrupted");
    await ended.promise;
  });

  test("are not asked for with a path that is not absolute, or a mode that is none", async (t) => {
    const { files } = await filesOf(t);
    await rejectsWith(
      files.pack("relative"),
      "invalid_request",
      "the request is not valid: path: expected an absolute path in the machine",
    );
    await rejectsWith(files.write("/x", pieces(), { mode: 0o77777 }), "invalid_request");
  });

  test("are refused to who gives no body its end", async (t) => {
    const { services, socket } = await filesOf(t);
    const outcome = Promise.withResolvers<unknown>();
    services.on("vms.store", async (_: string, __: unknown, content: AsyncIterable<Buffer>) => {
      await gather(content).then(outcome.resolve, outcome.reject);
    });
    const client = createConnection(socket);
    await once(client, "connect");
    client.write("PUT /v1/vms/dev/file?path=/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    client.end();
    client.resume();
    await rejectsWith(outcome.promise, "interrupted");
    client.destroy();
  });
});
