import { EventEmitter } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { dispatch } from "../../src/cli/dispatch.ts";
import { type InterruptSignal, Interrupts } from "../../src/cli/interrupts.ts";
import type { ConnectOptions, World } from "../../src/cli/world.ts";
import { Banger } from "../../src/client/banger.ts";
import { hostTools } from "../../src/lib/host-tools.ts";
import { resolvePaths } from "../../src/lib/paths.ts";
import { type FakeServices, fakeServices } from "../support/fake-services.ts";
import { serve } from "../support/serve.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** An output that remembers, and is a terminal if it is given a size. */
export class Capture extends Writable {
  readonly chunks: Buffer[] = [];
  isTTY?: boolean;
  columns?: number;
  rows?: number;

  constructor(size?: { columns: number; rows: number }) {
    super();
    if (size) Object.assign(this, { isTTY: true, ...size });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }
}

/** An input that a test types into. */
export class Keyboard extends PassThrough {
  isTTY?: boolean;
  /** Every change of raw mode. */
  readonly modes: boolean[] = [];

  setRawMode(raw: boolean): this {
    this.modes.push(raw);
    return this;
  }
}

/** Brings signals that a test sends, and remembers exits. */
export class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];

  exit(status: number): void {
    this.exits.push(status);
  }

  send(name: InterruptSignal): void {
    this.emit(name);
  }
}

export interface FakeWorld extends World {
  readonly stdin: Keyboard;
  readonly stdout: Capture;
  readonly stderr: Capture;
  readonly process: FakeProcess;
  readonly connects: ConnectOptions[];
  /** Programs that took its place, with their arguments. */
  readonly replacements: string[][];
  /** Runs a command line; gives its exit status. */
  run(...words: string[]): Promise<number>;
}

export interface FakeWorldOptions {
  env?: NodeJS.ProcessEnv;
  /** Makes input and both outputs a terminal of this size. */
  terminal?: { columns: number; rows: number };
  /** The way to a daemon. */
  banger?: Banger;
}

/** Two minutes after the sample machine was created. */
export const sampleNow = Date.parse("2026-01-01T00:02:00.000Z");

export function fakeWorld(context: Pick<TestContext, "after">, options: FakeWorldOptions = {}): FakeWorld {
  const { terminal, env = {} } = options;
  const home = temporaryDirectory(context);
  const process = new FakeProcess();
  const stdin = new Keyboard();
  if (terminal) stdin.isTTY = true;
  const connects: ConnectOptions[] = [];
  const replacements: string[][] = [];
  const paths = resolvePaths({ HOME: home, XDG_RUNTIME_DIR: home });
  const world: FakeWorld = {
    stdin,
    stdout: new Capture(terminal),
    stderr: new Capture(terminal),
    env: { PATH: fakePrograms(home), ...env },
    paths,
    process,
    interrupts: new Interrupts(process),
    connects,
    now: () => sampleNow,
    connect: (connect = {}) => {
      connects.push(connect);
      return options.banger ?? new Banger({ env: { HOME: home, XDG_RUNTIME_DIR: home }, autostart: false });
    },
    replacements,
    replace: async (program, args) => {
      replacements.push([program, ...args]);
      return 0;
    },
    passOutputThrough: async () => undefined,
    run: (...words) => dispatch(words, world),
  };
  return world;
}

/** A world with a daemon over fake services. */
export async function servedWorld(
  context: Pick<TestContext, "after">,
  options: FakeWorldOptions = {},
): Promise<{ world: FakeWorld; services: FakeServices }> {
  const services = fakeServices();
  const { banger } = await serve(context, services);
  return { world: fakeWorld(context, { ...options, banger }), services };
}

/** A folder that has every program which machines need. */
function fakePrograms(home: string): string {
  const folder = join(home, "programs");
  mkdirSync(folder);
  for (const { program } of hostTools) {
    writeFileSync(join(folder, program), "#!/bin/sh\n");
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
}
