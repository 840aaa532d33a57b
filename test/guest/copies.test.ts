import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fields, FieldWriter } from "../../src/guest/fields.ts";
import { frameTypes, openLimit } from "../../src/guest/frames.ts";
import { rejectsWith } from "../support/faults.ts";
import { type Connected, connected, type HostFrame, never } from "./agent-double.ts";

const options = {
  hostname: "otter",
  entropy: Buffer.alloc(64, 7),
  bootId: "7cb863b1-fe56-4b2a-821f-c47c7e7c1059",
  files: [
    { path: "/etc/hostname", content: "otter\n" },
    { path: "/etc/ssh/key", content: "k", mode: 0o600, onlyInDirectory: true },
  ],
};

describe("coming to rest", () => {
  for (const forget of [false, true]) {
    test(
      forget ? "forgets what copies must not share" : "keeps everything unless told otherwise",
      async () => {
        await using c = await connected();
        const resting = c.agent.quiesce({ forget }, never);
        const { fields, stream } = await opened(c, 30);
        assert.equal(fields.u32(220), Number(forget));
        c.double.result(stream, 0);
        await resting;
      },
    );
  }
});

describe("becoming a machine of one's own", () => {
  const report = new FieldWriter().text(240, "otter").text(241, "abc\u001b[1m").text(242, options.bootId);

  test("is told everything in one order, and says what it reads then", async () => {
    await using c = await connected();
    const before = BigInt(Date.now()) * 1_000_000n;
    const becoming = c.agent.identify({ ...options, disk: { serial: "root", size: 8 * 2 ** 30 } }, never);
    const { fields, stream } = await opened(c, 31);
    assert.deepEqual(
      [223, 225, 226].map((tag) => fields.text(tag)),
      ["otter", options.bootId, "root"],
    );
    assert.deepEqual(fields.bytes(222), options.entropy);
    assert.equal(fields.u64(227), 8n << 30n);
    const time = fields.requireU64(221);
    assert.ok(time >= before && time <= BigInt(Date.now()) * 1_000_000n, "the host's clock");
    const last = new Fields(fields.bytes(224) ?? Buffer.alloc(0), "a file");
    assert.deepEqual(
      [last.text(90), last.u32(91), last.text(94), last.u32(95)],
      ["/etc/ssh/key", 0o600, "k", 1],
    );
    c.double.result(stream, 0, report);
    const found = await becoming;
    assert.deepEqual(
      { ...found, machineId: "" },
      { hostname: "otter", machineId: "", bootId: options.bootId },
    );
    assert.equal(found.machineId.includes("\u001b"), false, "safe to print");
  });

  test("does not speak of a disk that has not grown", async () => {
    await using c = await connected();
    const becoming = c.agent.identify(options, never);
    const { fields, stream } = await opened(c, 31);
    assert.deepEqual([fields.text(226), fields.u64(227)], [undefined, undefined]);
    c.double.result(stream, 0, new FieldWriter());
    assert.deepEqual(await becoming, { hostname: "", machineId: "", bootId: "" });
  });

  test("with files that fill more than an order is refused before it is sent", async () => {
    await using c = await connected();
    const files = [{ path: "/a", content: Buffer.alloc(openLimit) }];
    await rejectsWith(
      c.agent.identify({ ...options, files }, never),
      "guest_refused",
      /its files are too many for one order/,
    );
  });
});

async function opened(c: Connected, op: number): Promise<{ fields: Fields; stream: number }> {
  const frame: HostFrame = await c.double.next(frameTypes.open);
  const fields = new Fields(frame.payload, "OPEN");
  assert.equal(fields.u32(1), op);
  return { fields, stream: frame.stream };
}
