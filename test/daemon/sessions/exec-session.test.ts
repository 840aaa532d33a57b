import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createConnection } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fault } from "../../../src/lib/errors/error.ts";
import type { ExecRequest } from "../../../src/model/api/requests.ts";
import {
  type ExecCall,
  echoProcess,
  FakeGuestProcess,
  fakeServices,
  randomBlock,
} from "../../support/fake-services.ts";
import { rejectsWith } from "../../support/faults.ts";
import { serve } from "../../support/serve.ts";

describe("a command over the API", () => {
  test("arrives byte for byte", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    let seen: ExecRequest | undefined;
    services.on("vms.exec", ((_, request) => {
      seen = request;
      return Promise.resolve(guest);
    }) satisfies ExecCall as never);
    const { banger } = await serve(t, services);
    const args = ["a b", "", "new\nline", "'\"$", Buffer.from([0xff, 0xfe, 0x80])];
    const process = await banger.vms.exec("dev", { args, env: ["A=1"], user: "ada", cwd: "/srv" });
    guest.exit(0);
    assert.deepEqual(await process.exited, { code: 0 });
    assert.deepEqual(
      (seen?.args ?? []).map((arg) => Buffer.from(arg, "base64")),
      args.map((arg) => Buffer.from(arg as string)),
    );
    assert.deepEqual({ ...seen, args: [] }, { args: [], env: ["QT0x"], user: "ada", cwd: "/srv", wait: 60 });
  });

  test("has its outputs kept apart, and its status passed on", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["x"] });
    guest.stdout.write("out");
    guest.stderr.write("err");
    guest.exit(3);
    assert.equal(await text(process.stdout), "out");
    assert.equal(await text(process.stderr), "err");
    assert.deepEqual(await process.exited, { code: 3 });
  });

  test("that a signal ended says so", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["x"] });
    guest.exit(0, 9);
    assert.deepEqual(await process.exited, { code: 137, signal: "KILL" });
  });

  test("gets its input, its end, signals and sizes in order", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { tty: { rows: 24, columns: 80 } });
    process.stdin.write("hello");
    process.resize(50, 132);
    process.kill("INT");
    process.kill("NOSUCH");
    process.stdin.end();
    assert.equal(await text(guest.stdin), "hello");
    assert.deepEqual(guest.seen, ["resize 50x132", "signal 2"]);
    guest.exit(0);
    await process.exited;
  });

  test("passes 64 MiB through both ways unchanged", async (t) => {
    const services = fakeServices();
    services.on("vms.exec", () => echoProcess());
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["cat"] });
    const block = randomBlock(1024 * 1024);
    const sent = createHash("sha256");
    const received = createHash("sha256");
    const reading = (async () => {
      for await (const chunk of process.stdout) received.update(chunk as Buffer);
    })();
    for (let i = 0; i < 64; i += 1) {
      sent.update(block);
      if (!process.stdin.write(block)) await new Promise((resolve) => process.stdin.once("drain", resolve));
    }
    process.stdin.end();
    await reading;
    assert.equal(received.digest("hex"), sent.digest("hex"));
    assert.deepEqual(await process.exited, { code: 0 });
  });

  test("is held up by a client that does not read, and does not fill the daemon", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["yes"] });
    const block = Buffer.alloc(64 * 1024);
    let accepted = 0;
    for (let i = 0; i < 400; i += 1) {
      if (guest.stdout.write(block)) accepted += 1;
      else {
        const drained = new Promise<"drained">((resolve) =>
          guest.stdout.once("drain", () => resolve("drained")),
        );
        const stuck = new Promise<"stuck">((resolve) => setTimeout(() => resolve("stuck"), 100));
        if ((await Promise.race([drained, stuck])) === "stuck") break;
        accepted += 1;
      }
    }
    assert.ok(accepted < 100, `${accepted} blocks of 64 KiB went in`);
    guest.exit(0);
    process.stdout.resume();
    assert.deepEqual(await process.exited, { code: 0 });
  });

  test("that cannot be started gives the reason", async (t) => {
    const services = fakeServices();
    services.on("vms.exec", () => {
      throw fault("exec_failed", { command: "nope", reason: "not found", exit: 127 });
    });
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["nope"] });
    const error = await rejectsWith(
      process.exited,
      "exec_failed",
      'cannot run "nope" in the guest: not found',
    );
    assert.equal(error.exit, 127);
  });

  test("whose machine goes away gives the reason", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["x"] });
    guest.stdout.write("x");
    assert.equal(String((await process.stdout[Symbol.asyncIterator]().next()).value), "x");
    const gone = fault("channel_closed", { reason: "the machine stopped" });
    guest.outcome.reject(gone);
    guest.stdout.destroy(gone);
    guest.stderr.destroy(gone);
    await rejectsWith(
      process.exited,
      "channel_closed",
      "the connection to the machine ended: the machine stopped",
    );
  });

  test("is reset when its client goes away", async (t) => {
    const services = fakeServices();
    const guest = new FakeGuestProcess();
    services.on("vms.exec", () => guest);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["sleep"] });
    guest.stdout.write("started");
    assert.equal(String((await process.stdout[Symbol.asyncIterator]().next()).value), "started");
    process.close();
    await guest.wasReset.promise;
    await rejectsWith(
      process.exited,
      "channel_closed",
      "the connection to the machine ended: the daemon closed it",
    );
  });

  test("whose client leaves while the machine is still starting is given up", async (t) => {
    const services = fakeServices();
    const aborted = Promise.withResolvers<void>();
    services.on("vms.exec", ((_ref, _request, signal) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return new Promise(() => undefined);
    }) satisfies ExecCall as never);
    const { banger } = await serve(t, services);
    const process = await banger.vms.exec("dev", { args: ["x"] });
    setTimeout(() => process.close(), 20);
    await aborted.promise;
  });
});

describe("an upgrade", () => {
  async function talk(socket: string, bytes: string | Buffer): Promise<Buffer> {
    const connection = createConnection({ path: socket });
    connection.end(bytes);
    return await buffer(connection);
  }

  const head = (path: string, protocol: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

  test("to another protocol or of another path is refused", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    for (const bytes of [head("/v1/vms/dev/exec", "websocket"), head("/v1/vms/dev/other", "banger-exec/1")]) {
      assert.match(
        String(await talk(socket, bytes)),
        /^HTTP\/1\.1 404 Refused\r\n.*"code":"route_not_found"/s,
      );
    }
    assert.deepEqual(services.seen, []);
  });

  test("whose first frame is not a command ends with a problem", async (t) => {
    const services = fakeServices();
    const { socket } = await serve(t, services);
    const cases: [Buffer, string][] = [
      [Buffer.from([0, 0, 0, 0, 1, 65]), "no command was given"],
      [Buffer.from([9, 0, 0, 0, 1, 123]), "the command is not JSON"],
      [Buffer.from([9, 0, 0, 0, 2, 91, 93]), "expected object, received array"],
      [Buffer.from([99, 0, 0, 0, 0]), "malformed frame"],
    ];
    for (const [frame, expected] of cases) {
      const answer = String(
        await talk(socket, Buffer.concat([Buffer.from(head("/v1/vms/dev/exec", "banger-exec/1")), frame])),
      );
      assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
      assert.ok(answer.includes(expected), answer);
    }
    assert.deepEqual(services.seen, []);
  });
});
