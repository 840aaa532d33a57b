import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { initialCredit, payloadLimit } from "../../src/guest/frames.ts";
import { GuestInput } from "../../src/guest/guest-input.ts";
import { throwsWith } from "../support/faults.ts";

describe("input of the guest", () => {
  test("is cut into payloads within the credit, byte for byte", async () => {
    const writes = fc.array(fc.oneof(fc.nat(20), fc.nat(200_000)), { minLength: 1, maxLength: 15 });
    const grants = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(writes, grants, async (sizes, steps) => {
        const input = new GuestInput(() => undefined);
        const sent = sizes.map((size, i) => Buffer.alloc(size, i));
        for (const chunk of sent) input.write(chunk);
        input.end();
        const got: Buffer[] = [];
        let credit = initialCredit;
        for (let round = 0; !input.takeEof(); round += 1) {
          const piece = input.take();
          if (piece) {
            assert.ok(piece.length > 0 && piece.length <= payloadLimit && piece.length <= credit);
            credit -= piece.length;
            got.push(piece);
          } else if (input.drained) {
            input.acknowledge();
          } else if (credit === 0) {
            const grant = steps[round % steps.length] ?? 1;
            credit += grant;
            input.addCredit(grant);
          }
          await Promise.resolve();
          if (!piece) await turn();
        }
        assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
        assert.equal(input.takeEof(), false);
      }),
      { numRuns: 40 },
    );
  });

  test("acknowledges a write when told, and not when it was only taken", async () => {
    let acknowledged = false;
    const input = new GuestInput(() => undefined);
    input.write("abc", () => {
      acknowledged = true;
    });
    assert.equal(String(input.take()), "abc");
    assert.equal(input.drained, true);
    await turn();
    assert.equal(acknowledged, false);
    input.acknowledge();
    await turn();
    assert.equal(acknowledged, true);
    assert.equal(input.drained, false);
  });

  test("joins small writes that had to wait", () => {
    const input = new GuestInput(() => undefined);
    for (const word of ["one", "two", "three"]) input.write(word);
    assert.equal(String(input.take()), "one");
    input.acknowledge();
    return turn().then(() => assert.equal(String(input.take()), "twothree"));
  });

  test("makes its source wait while there is no credit", async () => {
    const input = new GuestInput(() => undefined);
    let written = 0;
    while (input.write(Buffer.alloc(16_384))) written += 16_384;
    assert.ok(written <= 65_536);
  });

  test("wakes its stream for bytes, credit and the end", async () => {
    let wakes = 0;
    const input = new GuestInput(() => {
      wakes += 1;
    });
    input.write("x");
    assert.equal(wakes, 1);
    input.addCredit(5);
    assert.equal(wakes, 2);
    input.take();
    input.acknowledge();
    input.end();
    await turn();
    assert.equal(wakes, 3);
    assert.equal(input.takeEof(), true);
  });

  test("ends in the guest also when it is destroyed without an end", async () => {
    const input = new GuestInput(() => undefined);
    input.write("lost");
    input.destroy();
    await turn();
    assert.equal(input.take(), undefined);
    assert.equal(input.takeEof(), true);
    assert.equal(input.takeEof(), false);
  });

  test("tells a write under way that the input was closed", async () => {
    const input = new GuestInput(() => undefined);
    const { promise, resolve } = Promise.withResolvers<Error | null | undefined>();
    input.write("lost", resolve);
    input.destroy();
    assert.equal(
      (await promise)?.message,
      "the connection to the machine ended: the input of the command was closed",
    );
  });

  test("refuses credit that nobody can count any more", () => {
    const input = new GuestInput(() => undefined);
    input.addCredit(2 ** 31 - 1 - initialCredit);
    throwsWith(
      () => input.addCredit(1),
      "guest_protocol",
      "the guest broke the agent protocol: WINDOW that grants more than 2147483647 bytes",
    );
  });
});
