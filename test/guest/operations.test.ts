import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { type Connected, connected, type HostFrame, never } from "./agent-double.ts";

const mountOptions = {
  rootSerial: "root",
  rootFstype: "ext4",
  modulesSerial: "modules",
  hostname: "otter",
  entropy: Buffer.alloc(64, 7),
  grow: true,
};

describe("mounting", () => {
  const report = new FieldWriter()
    .u64(50, 3_500_000n)
    .u64(51, 20_000_000n)
    .u64(52, 0n)
    .u64(53, 8n << 30n);

  test("is asked for with all that the guest needs, and reports what it took", async () => {
    await using c = await connected();
    const before = BigInt(Date.now()) * 1_000_000n;
    const mounting = c.agent.mount(
      {
        ...mountOptions,
        network: { address: "10.0.2.15/24", gateway: "10.0.2.2", mac: "52:54:00:12:34:56" },
      },
      never,
    );
    const { fields, stream } = await opened(c, 2);
    const texts = [30, 31, 32, 33, 36, 37, 38].map((tag) => fields.text(tag));
    assert.deepEqual(texts, [
      "root",
      "ext4",
      "modules",
      "otter",
      "10.0.2.15/24",
      "10.0.2.2",
      "52:54:00:12:34:56",
    ]);
    assert.deepEqual(fields.bytes(35), mountOptions.entropy);
    assert.deepEqual([fields.u32(39), fields.u32(40)], [1, 1]);
    const time = fields.requireU64(34);
    assert.ok(time >= before && time <= BigInt(Date.now()) * 1_000_000n, "the host's clock");
    c.double.result(stream, 0, report);
    assert.deepEqual(await mounting, { modules: 3.5, mount: 20, grow: 0, rootBytes: 8 * 2 ** 30 });
  });

  test("without a network asks for none of it", async () => {
    await using c = await connected();
    const mounting = c.agent.mount({ ...mountOptions, grow: false }, never);
    const { fields, stream } = await opened(c, 2);
    assert.deepEqual([fields.text(36), fields.text(37), fields.text(38)], [undefined, undefined, undefined]);
    assert.deepEqual([fields.u32(39), fields.u32(40)], [0, 0]);
    c.double.result(stream, 0, report);
    await mounting;
  });

  test("that fails says why, in the agent's words", async () => {
    await using c = await connected();
    const mounting = c.agent.mount(mountOptions, never);
    const { stream } = await opened(c, 2);
    c.double.result(stream, 19, undefined, "root: no disk with serial root");
    const error = await rejectsWith(
      mounting,
      "guest_refused",
      "the guest could not mount its disks: root: no disk with serial root (ENODEV)",
    );
    assert.equal((error.params as { errno: string }).errno, "ENODEV");
  });

  test("with a report of the wrong size breaks the protocol", async () => {
    await using c = await connected();
    const mounting = c.agent.mount(mountOptions, never);
    const { stream } = await opened(c, 2);
    c.double.result(stream, 0, new FieldWriter().u32(50, 1));
    await rejectsWith(
      mounting,
      "guest_protocol",
      "the guest broke the agent protocol: RESULT whose field 50 has 4 bytes instead of 8",
    );
  });
});

describe("a file", () => {
  test("is sent with its owner, mode and conditions", async () => {
    await using c = await connected();
    const putting = c.agent.putFile(
      {
        path: "/etc/ssh/key",
        content: Buffer.from([0, 255]),
        mode: 0o600,
        uid: 5,
        gid: 6,
        onlyInDirectory: true,
        onlyIfMissing: true,
      },
      never,
    );
    const { fields, stream } = await opened(c, 7);
    assert.equal(fields.text(90), "/etc/ssh/key");
    assert.deepEqual(
      [91, 92, 93, 95].map((tag) => fields.u32(tag)),
      [0o600, 5, 6, 3],
    );
    assert.deepEqual(fields.bytes(94), Buffer.from([0, 255]));
    c.double.result(stream);
    assert.equal(await putting, true);
  });

  test("is root's and 0644 unless said otherwise", async () => {
    await using c = await connected();
    const putting = c.agent.putFile({ path: "/etc/hostname", content: "otter\n" }, never);
    const { fields, stream } = await opened(c, 7);
    assert.deepEqual(
      [91, 92, 93, 95].map((tag) => fields.u32(tag)),
      [0o644, 0, 0, 0],
    );
    c.double.result(stream);
    assert.equal(await putting, true);
  });

  test("whose condition is not met is not written, which is no error", async () => {
    await using c = await connected();
    for (const [condition, errno] of [
      ["onlyInDirectory", 2],
      ["onlyIfMissing", 17],
    ] as const) {
      const putting = c.agent.putFile({ path: "/etc/x", content: "", [condition]: true }, never);
      const { stream } = await opened(c, 7);
      c.double.result(stream, errno);
      assert.equal(await putting, false);
    }
  });

  test("without a condition fails by the same errors", async () => {
    await using c = await connected();
    for (const [errno, name] of [
      [2, "ENOENT"],
      [17, "EEXIST"],
    ] as const) {
      const putting = c.agent.putFile({ path: "/etc/x", content: "" }, never);
      const { stream } = await opened(c, 7);
      c.double.result(stream, errno);
      await rejectsWith(putting, "guest_refused", `the guest could not write /etc/x: ${name}`);
    }
  });

  test("that is too big for an agent of version 1 is refused here", async () => {
    await using c = await connected({ version: 1 });
    await rejectsWith(
      c.agent.putFile({ path: "/etc/x", content: Buffer.alloc(32_768) }, never),
      "guest_refused",
      "the guest could not write /etc/x: its 32768 bytes are too many for one order",
    );
    assert.deepEqual(c.double.frames, []);
  });
});

describe("the other operations", () => {
  test("boot names the init and its arguments, or nothing", async () => {
    await using c = await connected();
    const booting = c.agent.boot({ init: "/sbin/init", args: ["--system"] }, never);
    const { fields, stream } = await opened(c, 3);
    assert.deepEqual([fields.text(60), fields.text(61)], ["/sbin/init", "--system"]);
    c.double.result(stream);
    await booting;
    const bare = c.agent.boot({}, never);
    const second = await opened(c, 3);
    assert.deepEqual([second.fields.text(60), second.fields.text(61)], [undefined, undefined]);
    c.double.result(second.stream);
    await bare;
  });

  test("sync waits for its answer", async () => {
    await using c = await connected();
    const syncing = c.agent.sync(never);
    const { stream } = await opened(c, 4);
    c.double.result(stream, 5, undefined, "sync");
    await rejectsWith(syncing, "guest_refused", "the guest could not flush its disks: sync (EIO)");
  });

  test("shutdown has the modes of the document", async () => {
    await using c = await connected();
    for (const [mode, number] of [
      ["ask", 1],
      ["now", 2],
      ["reboot", 3],
    ] as const) {
      const shutting = c.agent.shutdown(mode, never);
      const { fields, stream } = await opened(c, 5);
      assert.equal(fields.u32(70), number);
      c.double.result(stream);
      await shutting;
    }
  });

  test("shutdown now has happened when the channel is gone; merely asked for, that is an error", async () => {
    const now = await connected();
    const shutting = now.agent.shutdown("now", never);
    await opened(now, 5);
    now.double.duplex.destroy();
    await shutting;
    const asked = await connected();
    const asking = asked.agent.shutdown("ask", never);
    await opened(asked, 5);
    asked.double.duplex.destroy();
    await rejectsWith(asking, "channel_closed");
  });

  test("info tells of the guest in our units", async () => {
    await using c = await connected();
    const asking = c.agent.info(never);
    const { stream } = await opened(c, 6);
    c.double.result(
      stream,
      0,
      new FieldWriter()
        .u64(80, 12_000_000_000n)
        .u64(81, 1n << 30n)
        .u64(82, 1n << 29n)
        .u32(83, 150)
        .u32(84, 2)
        .text(85, "otter")
        .text(86, "systemd\u0007"),
    );
    assert.deepEqual(await asking, {
      uptime: 12_000,
      memoryTotal: 2 ** 30,
      memoryAvailable: 2 ** 29,
      load: 1.5,
      phase: "booted",
      hostname: "otter",
      init: "systemd\uFFFD",
    });
  });
});

async function opened(
  c: Connected,
  op: number,
): Promise<{ stream: number; fields: Fields; frame: HostFrame }> {
  const frame = await c.double.next(frameTypes.open);
  const fields = new Fields(frame.payload, "OPEN");
  assert.equal(fields.u32(1), op);
  return { stream: frame.stream, fields, frame };
}
