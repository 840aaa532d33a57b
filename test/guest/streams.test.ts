import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Frame, frameTypes } from "../../src/guest/frames.ts";
import { Outbox, outboxLimit } from "../../src/guest/outbox.ts";
import { type StreamHandler, Streams } from "../../src/guest/streams.ts";
import { type BangerError, fault } from "../../src/lib/errors/error.ts";
import { throwsWith } from "../support/faults.ts";
import { AgentDouble } from "./agent-double.ts";

const nothing = Buffer.alloc(0);

describe("the streams of a session", () => {
  test("are numbered from 1 and never again", () => {
    const { streams } = setUp();
    assert.equal(streams.open(nothing, new Recorder()), 1);
    streams.end(1);
    assert.equal(streams.open(nothing, new Recorder()), 2);
    streams.reset(2);
    assert.equal(streams.open(nothing, new Recorder()), 3);
    assert.equal(streams.size, 1);
  });

  test("get the frames that are theirs", () => {
    const { streams } = setUp();
    const [one, two] = [new Recorder(), new Recorder()];
    streams.open(nothing, one);
    streams.open(nothing, two);
    streams.receive(frame(2));
    streams.receive(frame(1));
    streams.receive(frame(2));
    assert.deepEqual([one.frames.length, two.frames.length], [1, 2]);
  });

  test("drop what was on its way when they ended", () => {
    const { streams } = setUp();
    const recorder = new Recorder();
    streams.open(nothing, recorder);
    streams.end(1);
    streams.receive(frame(1));
    assert.equal(recorder.frames.length, 0);
  });

  test("that were never opened break the protocol", () => {
    const { streams } = setUp();
    streams.open(nothing, new Recorder());
    throwsWith(
      () => streams.receive(frame(2)),
      "guest_protocol",
      "the guest broke the agent protocol: DATA for stream 2, which was never opened",
    );
  });

  test("are handed over to another handler", () => {
    const { streams } = setUp();
    const [first, second] = [new Recorder(), new Recorder()];
    const id = streams.open(nothing, first);
    streams.replace(id, second);
    streams.receive(frame(id));
    assert.deepEqual([first.frames.length, second.frames.length], [0, 1]);
    assert.deepEqual([streams.has(id, first), streams.has(id, second)], [false, true]);
  });

  test("open and reset in their order, also when the channel does not take it all", async () => {
    const { streams, outbox, far } = setUp();
    while (outbox.ready) outbox.add(frameTypes.pong, 0, 0, Buffer.alloc(32_768));
    for (let i = 0; i < 100; i += 1) {
      const id = streams.open(Buffer.alloc(30_000), new Recorder());
      if (i % 2 === 0) streams.reset(id);
    }
    assert.ok(outbox.size <= outboxLimit);
    const expected: [number, number][] = [];
    for (let id = 1; id <= 100; id += 1) {
      expected.push([frameTypes.open, id]);
      if (id % 2 === 1) expected.push([frameTypes.reset, id]);
    }
    const double = new AgentDouble(far);
    const got: [number, number][] = [];
    double.onFrame = ({ type, stream }) => {
      if (stream !== 0) got.push([type, stream]);
    };
    for (let i = 0; i < 2000 && got.length < expected.length; i += 1) await turn();
    assert.deepEqual(got, expected);
  });

  test("all fail with their connection, and none is opened after that", () => {
    const { streams } = setUp();
    const recorders = [new Recorder(), new Recorder()];
    for (const recorder of recorders) streams.open(nothing, recorder);
    const error = fault("channel_closed", { reason: "gone" });
    streams.failAll(error);
    assert.deepEqual(
      recorders.map((recorder) => recorder.errors),
      [[error], [error]],
    );
    assert.equal(streams.size, 0);
    assert.equal(
      throwsWith(() => streams.open(nothing, new Recorder()), "channel_closed"),
      error,
    );
  });

  test("that are over are not reset any more", async () => {
    const { streams, far } = setUp();
    const double = new AgentDouble(far);
    streams.open(nothing, new Recorder());
    streams.open(nothing, new Recorder());
    streams.end(1);
    streams.reset(1);
    streams.reset(2);
    streams.reset(2);
    for (let i = 0; i < 10; i += 1) await turn();
    const { open, reset } = frameTypes;
    assert.deepEqual(
      double.frames.map(({ type, stream }) => [type, stream]),
      [
        [open, 1],
        [open, 2],
        [reset, 2],
      ],
    );
  });

  test("are never opened with more than the agent takes", () => {
    const [host] = duplexPair();
    for (const [version, limit] of [
      [1, 32_768],
      [2, 1_114_112],
    ] as const) {
      const streams = new Streams(new Outbox(host, 5), version);
      assert.equal(streams.openLimit, limit);
      throwsWith(
        () => streams.open(Buffer.alloc(limit + 1), new Recorder()),
        "internal",
        "internal error: stream 1 cannot be opened",
      );
      assert.equal(streams.open(Buffer.alloc(limit), new Recorder()), 1);
    }
  });
});

class Recorder implements StreamHandler {
  readonly frames: Frame[] = [];
  readonly errors: BangerError[] = [];

  receive(received: Frame): void {
    this.frames.push(received);
  }

  fail(error: BangerError): void {
    this.errors.push(error);
  }
}

function setUp() {
  const [host, far] = duplexPair();
  const outbox = new Outbox(host, 5);
  return { outbox, streams: new Streams(outbox, 2), far };
}

function frame(stream: number): Frame {
  return { type: frameTypes.data, channel: 1, session: 5, stream, payload: Buffer.from("x") };
}
