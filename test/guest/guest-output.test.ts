import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { initialCredit } from "../../src/guest/frames.ts";
import { GuestOutput } from "../../src/guest/guest-output.ts";
import { fault } from "../../src/lib/errors/error.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";

describe("output of the guest", () => {
  test("reaches its consumer byte for byte, within the credit that is granted for it", async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 32_768 })), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (frames, slow) => {
        let credit = initialCredit;
        const output: GuestOutput = new GuestOutput("stdout", () => {
          credit += output.takeGrant();
        });
        const got: Buffer[] = [];
        const reading = (async () => {
          for await (const chunk of output) {
            got.push(chunk);
            if (slow) await turn();
          }
        })();
        const sent: Buffer[] = [];
        for (const [i, size] of frames.entries()) {
          while (credit < size) await turn();
          const payload = Buffer.alloc(size, i);
          credit -= size;
          sent.push(payload);
          output.receive(payload);
        }
        output.finish();
        await reading;
        assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
      }),
      { numRuns: 40 },
    );
  });

  test("that nobody reads is granted no more than the first credit", async () => {
    let grants = 0;
    const output = new GuestOutput("stdout", () => {
      grants += 1;
    });
    for (let i = 0; i < 4; i += 1) output.receive(Buffer.alloc(32_768));
    await turn();
    assert.equal(grants, 0);
    throwsWith(
      () => output.receive(Buffer.alloc(1)),
      "guest_protocol",
      "the guest broke the agent protocol: DATA on stdout beyond its credit",
    );
  });

  test("is granted again exactly as much as its consumer took, in steps", async () => {
    const granted: number[] = [];
    const output: GuestOutput = new GuestOutput("stdout", () => granted.push(output.takeGrant()));
    for (let i = 0; i < 8; i += 1) output.receive(Buffer.alloc(16_384));
    assert.equal(output.read(16_384)?.length, 16_384);
    await turn();
    // The window is empty: even the first 16 KiB count.
    assert.deepEqual(granted, [16_384]);
    for (let i = 0; i < 3; i += 1) output.read(16_384);
    await turn();
    assert.deepEqual(granted, [16_384, 32_768]);
  });

  test("ends after what came before its end", async () => {
    const output = new GuestOutput("stdout", () => undefined);
    output.receive(Buffer.from("a"));
    output.receive(Buffer.from("b"));
    output.finish();
    assert.equal(String(Buffer.concat(await output.toArray())), "ab");
  });

  test("after its end is a breach of the protocol, and so is a second end", () => {
    const output = new GuestOutput("stderr", () => undefined);
    output.finish();
    throwsWith(
      () => output.receive(Buffer.from("x")),
      "guest_protocol",
      "the guest broke the agent protocol: DATA on stderr after its EOF",
    );
    throwsWith(
      () => output.finish(),
      "guest_protocol",
      "the guest broke the agent protocol: a second EOF on stderr",
    );
  });

  test("of a broken connection is handed out before the error", async () => {
    const output = new GuestOutput("stdout", () => undefined);
    output.receive(Buffer.from("last words"));
    output.receive(Buffer.alloc(20_000, "."));
    output.fail(fault("channel_closed", { reason: "gone" }));
    let got = "";
    const reading = (async () => {
      for await (const chunk of output) got += String(chunk);
    })();
    await rejectsWith(reading, "channel_closed", "the connection to the machine ended: gone");
    assert.equal(got, `last words${".".repeat(20_000)}`);
  });

  test("of a broken connection is handed out before the error also when only its taking was left", async () => {
    const output = new GuestOutput("stdout", () => undefined);
    output.read(0);
    output.receive(Buffer.from("last words"));
    output.fail(fault("channel_closed", { reason: "gone" }));
    await turn();
    assert.equal(String(output.read()), "last words");
    await turn();
    assert.equal(output.destroyed, true);
  });

  test("does not hold the piece of memory it arrived in", async () => {
    const output = new GuestOutput("stdout", () => undefined);
    const piece = Buffer.allocUnsafeSlow(65_536);
    const got: Buffer[] = [];
    output.on("data", (chunk: Buffer) => got.push(chunk));
    await turn();
    output.receive(piece.subarray(0, 5));
    output.receive(piece.subarray(5, 10));
    await turn();
    assert.equal(Buffer.concat(got).length, 10);
    for (const chunk of got) assert.notEqual(chunk.buffer, piece.buffer);
  });

  test("that broke while nobody listened ends nothing but itself", async () => {
    const output = new GuestOutput("stdout", () => undefined);
    output.fail(fault("channel_closed", { reason: "gone" }));
    await turn();
    assert.equal(output.destroyed, true);
  });

  test("is swallowed and granted again once it was destroyed", async () => {
    let credit = initialCredit;
    const output: GuestOutput = new GuestOutput("stdout", () => {
      credit += output.takeGrant();
    });
    output.receive(Buffer.alloc(30_000));
    credit -= 30_000;
    output.destroy();
    await turn();
    for (let i = 0; i < 50; i += 1) {
      output.receive(Buffer.alloc(32_768));
      credit -= 32_768;
      assert.ok(credit >= 0, `round ${i}`);
    }
    assert.equal(output.readableLength, 0);
  });

  test("grants nothing more when it is over", async () => {
    const output = new GuestOutput("stdout", () => assert.fail("there is nobody to grant it to"));
    output.receive(Buffer.alloc(32_768));
    output.receive(Buffer.alloc(32_768));
    output.end();
    assert.equal(Buffer.concat(await output.toArray()).length, 65_536);
    assert.equal(output.takeGrant(), 0);
  });
});
