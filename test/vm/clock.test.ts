import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { clockTolerance, setClock } from "../../src/vm/clock.ts";
import { type TimeSource, watchHostClock } from "../../src/vm/host-clock.ts";
import { quiet, until, World } from "./world/world.ts";

const { signal } = quiet();

/** A guest whose answers take their time, both ways, on a host whose clock a test moves. */
class SlowGuest {
  now = 1_000_000;
  /** Guest minus host. */
  skew: number;
  sets = 0;
  readonly #out: () => number;
  readonly #back: () => number;

  constructor(skew: number, out: () => number, back: () => number) {
    this.skew = skew;
    this.#out = out;
    this.#back = back;
  }

  readonly compareClock = async ({ set }: { set: boolean }): Promise<number> => {
    const asked = this.now;
    this.now += this.#out();
    const offset = asked - (this.now + this.skew);
    if (set) {
      this.sets += 1;
      this.skew = asked - this.now;
    }
    this.now += this.#back();
    return offset;
  };
}

describe("a guest's clock", () => {
  const prompt = (): number => 1;

  test("that is right is left alone, with one question", async () => {
    for (const skew of [0, 300, -300]) {
      const guest = new SlowGuest(skew, prompt, prompt);
      assert.equal(await setClock(guest, signal, () => guest.now), 0);
      assert.equal(guest.sets, 0);
    }
  });

  test("that is ten minutes behind or ahead is set", async () => {
    for (const skew of [-600_000, 600_000]) {
      const guest = new SlowGuest(skew, prompt, prompt);
      const was = await setClock(guest, signal, () => guest.now);
      assert.equal(guest.sets, 1);
      assert.ok(Math.abs(was + skew) < 10, `${was}`);
      assert.ok(Math.abs(guest.skew) < 10, `${guest.skew}`);
    }
  });

  test("is not taken for wrong because the answer was slow", async () => {
    for (const [out, back] of [
      [5000, 0],
      [0, 5000],
      [3000, 3000],
    ] as const) {
      const guest = new SlowGuest(
        0,
        () => out,
        () => back,
      );
      await setClock(guest, signal, () => guest.now);
      assert.equal(guest.sets, 0, `${out} ms there, ${back} ms back`);
    }
  });

  test("is set again when the order itself came late", async () => {
    const delays = [0, 4000, 0, 0, 0];
    const guest = new SlowGuest(-60_000, () => delays.shift() ?? 0, prompt);
    await setClock(guest, signal, () => guest.now);
    assert.equal(guest.sets, 2);
    assert.ok(Math.abs(guest.skew) <= clockTolerance, `${guest.skew}`);
  });

  test("is right afterwards, whatever it was, when answers take less than the tolerance", async () => {
    const delay = fc.integer({ min: 0, max: clockTolerance - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.infiniteStream(delay),
        async (skew, delays) => {
          const next = (): number => delays.next().value ?? 0;
          const guest = new SlowGuest(skew, next, () => 0);
          await setClock(guest, signal, () => guest.now);
          assert.ok(Math.abs(guest.skew) <= 2 * clockTolerance, `${guest.skew}`);
        },
      ),
    );
  });
});

/** A time that only goes on when a test says so. */
class FakeTime implements TimeSource {
  #wall = 1_700_000_000_000;
  #monotonic = 5000;
  #work: (() => void) | undefined;
  #interval = 0;
  #due = 0;

  wall = (): number => this.#wall;
  monotonic = (): number => this.#monotonic;

  every(ms: number, work: () => void): () => void {
    this.#work = work;
    this.#interval = ms;
    this.#due = this.#monotonic + ms;
    return () => {
      this.#work = undefined;
    };
  }

  /** The host is awake for so long. */
  pass(ms: number): void {
    const end = this.#monotonic + ms;
    while (this.#work && this.#due <= end) {
      this.#wall += this.#due - this.#monotonic;
      this.#monotonic = this.#due;
      this.#due += this.#interval;
      this.#work();
    }
    this.#wall += end - this.#monotonic;
    this.#monotonic = end;
  }

  /** The host sleeps, or its clock is set. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

describe("the host's clock", () => {
  test("is looked after: a sleep is noticed within a second of waking, in either direction once", () => {
    const time = new FakeTime();
    let changes = 0;
    const stop = watchHostClock(() => {
      changes += 1;
    }, time);
    time.pass(10_000);
    assert.equal(changes, 0);
    for (const jump of [600_000, -3_600_000, 1000]) {
      const before: number = changes;
      time.jump(jump);
      time.pass(999);
      assert.equal(changes, before + 1, `${jump}`);
      time.pass(5000);
      assert.equal(changes, before + 1, `${jump}, once`);
    }
    stop();
    time.jump(600_000);
    time.pass(10_000);
    assert.equal(changes, 3);
  });

  test("that is slewed has not jumped, and guests are looked after once a minute anyway", () => {
    const time = new FakeTime();
    let changes = 0;
    watchHostClock(() => {
      changes += 1;
    }, time);
    for (let second = 0; second < 59; second += 1) {
      time.jump(20);
      time.pass(1000);
    }
    assert.equal(changes, 0);
    time.pass(181_000);
    assert.equal(changes, 4);
  });
});

describe("a machine that runs", () => {
  test("has its clock set when its host wakes, when it is resumed, and when its channel is made again", async () => {
    await using world = new World();
    const time = new FakeTime();
    world.time = time;
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const { guest } = world;
    const isSet = (): Promise<void> => until(() => guest.behind === 0);
    guest.behind = 600_000;
    time.jump(600_000);
    time.pass(1000);
    await isSet();
    guest.behind = 600_000;
    guest.resume();
    await isSet();
    guest.behind = -600_000;
    guest.breakChannel();
    await isSet();
    await until(() => world.logged.includes(`set the guest's clock {"vm":"dev","behind":"600000 ms"}`));
    await service.close();
  });

  test("with a clock that is a little off is left alone", async () => {
    await using world = new World();
    const time = new FakeTime();
    world.time = time;
    const { service } = await world.daemon();
    await service.create({ name: "dev" }, quiet());
    const { guest } = world;
    guest.behind = 400;
    time.pass(61_000);
    await service.stats("dev", signal);
    assert.equal(guest.behind, 400);
    assert.ok(!guest.orders.includes("clock"));
    await service.close();
  });
});
