import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, type FileHandle, open, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { z } from "zod";
import { diskFault } from "../../lib/atomic.ts";
import { sleep, within } from "../../lib/deadline.ts";
import { fault } from "../../lib/errors/error.ts";
import { checkSocketPath } from "../../lib/socket-path.ts";
import type { CaptureDisk, Captured, CaptureWish, DiskFile, FrozenDisk } from "../driver.ts";
import { freezeOverlay } from "./disk.ts";
import { MemoryStream, type SplitStream } from "./memory-stream.ts";
import type { QmpClient, QmpEvent } from "./qmp/client.ts";

/** Milliseconds. */
const times = {
  save: 300_000,
  /** That the guest may stand still for what it wrote last. */
  pause: 30,
  /** After which a guest that writes faster than it can be saved is stopped for the rest. */
  patience: 10_000,
  cancel: 10_000,
  finish: 5_000,
};
/** Bytes a second; QEMU's own default is that of a network. */
const bandwidth = 2 ** 36;
const doing = "saving a machine";

/** The guest's memory, by the name that command-line.ts gives it. */
const isMemory = (block: string): boolean => /(^|\/)memory$/.test(block);

/**
 * Saves a machine: its memory while it runs, and what it wrote meanwhile, its devices and its disk while it stands still. Its memory
 * goes into a sparse file that can be mapped.
 *
 * @throws vmm_failed, vmm_protocol, no_space, directory_not_writable, timed_out, interrupted
 */
export async function capture(
  monitor: QmpClient,
  wish: CaptureWish,
  options: { socket: string; signal?: AbortSignal | undefined },
): Promise<Captured> {
  const { signal } = options;
  const watch = new PauseWatch(monitor);
  try {
    const disk = wish.disk && (await freeze(monitor, wish.disk, signal));
    try {
      if (wish.snapshot) await saveAll(monitor, wish, wish.snapshot, disk, options);
      else if (disk) await disk.switchOver();
    } catch (error) {
      await disk?.undo();
      throw error;
    } finally {
      if (wish.goOn) await goOn(monitor);
    }
    return { pause: wish.goOn ? await watch.pause() : 0, disk: disk?.files };
  } finally {
    watch.close();
  }
}

/** A machine that has just been saved takes a moment until it may go on; one that runs is left as it is. */
async function goOn(monitor: QmpClient, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + times.finish;
  for (;;) {
    const answer = statusSchema.parse(await monitor.execute("query-status", undefined, { signal }));
    if (answer.status !== "finish-migrate" || performance.now() > deadline) break;
    await sleep(1, signal);
  }
  await monitor.execute("cont", undefined, { signal });
}

const statusSchema = z.object({ status: z.string() });

interface Freezer {
  readonly files: FrozenDisk;
  switchOver(): Promise<void>;
  /** Removes what was made, as long as the machine does not use it. */
  undo(): Promise<void>;
}

/** The disk's new layer, which the machine does not know of yet. What it writes to now, it is asked: an earlier daemon may have died. */
async function freeze(
  monitor: QmpClient,
  { frozen, next, onSwitch }: CaptureDisk,
  signal: AbortSignal | undefined,
): Promise<Freezer> {
  const { file, node, size } = await writableDisk(monitor, signal);
  const disk: DiskFile = { path: file, format: "qcow2" };
  const files = await freezeOverlay({ disk, size, frozen, next }, signal);
  let isUsed = false;
  return {
    files,
    switchOver: async () => {
      const layer = `layer-${randomBytes(6).toString("hex")}`;
      const block = {
        driver: "qcow2",
        "node-name": layer,
        discard: "unmap",
        file: { driver: "file", filename: files.next.path, discard: "unmap" },
        backing: null,
      };
      await monitor.execute("blockdev-add", block);
      isUsed = true;
      onSwitch(files);
      await monitor.execute("blockdev-snapshot", { node, overlay: layer });
    },
    undo: async () => {
      if (isUsed) return;
      await Promise.all([files.next, files.frozen].map(({ path }) => rm(path, { force: true })));
      await chmod(file, 0o600);
    },
  };
}

const blocksSchema = z.array(
  z.object({
    inserted: z
      .object({
        file: z.string(),
        ro: z.boolean(),
        "node-name": z.string(),
        image: z.object({ "virtual-size": z.number() }),
      })
      .optional(),
  }),
);

async function writableDisk(
  monitor: QmpClient,
  signal: AbortSignal | undefined,
): Promise<{ file: string; node: string; size: number }> {
  const parsed = blocksSchema.safeParse(await monitor.execute("query-block", undefined, { signal }));
  const disk = parsed.data?.find(({ inserted }) => inserted && !inserted.ro)?.inserted;
  if (!disk)
    throw fault("vmm_protocol", { program: "QEMU", problem: "it does not name its disk" }, parsed.error);
  return { file: fileOf(disk.file), node: disk["node-name"], size: disk.image["virtual-size"] };
}

const describedFile = z.object({ file: z.object({ filename: z.string() }) });

/** Of a disk whose layers were put together at run time QEMU tells how, instead of its name. */
function fileOf(name: string): string {
  if (!name.startsWith("json:")) return name;
  return describedFile.parse(JSON.parse(name.slice("json:".length))).file.filename;
}

async function saveAll(
  monitor: QmpClient,
  wish: CaptureWish,
  snapshot: { memory: string; state: string },
  disk: Freezer | undefined,
  { socket, signal }: { socket: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const path = checkSocketPath(socket);
  await rm(path, { force: true });
  const server = createServer();
  const progress = new Progress(monitor);
  const gone = new AbortController();
  try {
    server.listen(path);
    await once(server, "listening");
    await prepare(monitor, signal);
    // There is nothing to be gained by a guest that goes on writing and is not to go on afterwards.
    if (!wish.goOn) await monitor.execute("stop", undefined, { signal });
    const stopping = AbortSignal.any([gone.signal, ...(signal ? [signal] : [])]);
    const received = receive(server, snapshot, stopping);
    received.catch(() => undefined);
    await monitor.execute("migrate", { uri: `unix:${path}` }, { signal });
    const lost = received.then(
      () => new Promise<never>(() => undefined),
      (error: unknown) => Promise.reject(error),
    );
    const reached = Promise.race([progress.until("pre-switchover"), lost]);
    await within(doing, times.save, untilReached(monitor, reached), signal);
    await disk?.switchOver();
    await monitor.execute("migrate-continue", { state: "pre-switchover" }, { signal });
    await within(doing, times.save, Promise.race([progress.until("completed"), lost]), signal);
    if (wish.goOn) await goOn(monitor, signal);
    await within(doing, times.save, received, signal);
  } catch (error) {
    gone.abort();
    await cancel(monitor, progress);
    await Promise.allSettled([snapshot.memory, snapshot.state].map((file) => rm(file, { force: true })));
    throw diskFault(error, snapshot.memory, doing);
  } finally {
    progress.close();
    server.close();
    await rm(path, { force: true });
  }
}

async function prepare(monitor: QmpClient, signal: AbortSignal | undefined): Promise<void> {
  const capabilities = ["x-ignore-shared", "events", "pause-before-switchover"].map((capability) => ({
    capability,
    state: true,
  }));
  await monitor.execute("migrate-set-capabilities", { capabilities }, { signal });
  const parameters = { "max-bandwidth": bandwidth, "downtime-limit": times.pause };
  await monitor.execute("migrate-set-parameters", parameters, { signal });
}

/** A guest that writes faster than it is saved would never come to the end of it. */
async function untilReached(monitor: QmpClient, reached: Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    monitor.execute("stop").catch(() => undefined);
  }, times.patience);
  try {
    await reached;
  } finally {
    clearTimeout(timer);
  }
}

/** The machine is as before when this resolves, but for being paused perhaps. */
async function cancel(monitor: QmpClient, progress: Progress): Promise<void> {
  if (progress.over) return;
  await monitor.execute("migrate_cancel").catch(() => undefined);
  await within("QEMU to give a save up", times.cancel, progress.ended).catch(() => undefined);
}

/** How far the saving is, from QEMU's events. */
class Progress {
  /** Resolves when it has come to its end, good or bad. */
  readonly ended: Promise<void>;
  readonly #monitor: QmpClient;
  readonly #seen: string[] = [];
  readonly #unlisten: () => void;
  #wake: (() => void)[] = [];
  #closed: Error | undefined;

  constructor(monitor: QmpClient) {
    this.#monitor = monitor;
    this.#unlisten = monitor.onEvent((event) => this.#hear(event));
    void monitor.closed.then((error) => {
      this.#closed = error;
      this.#tell();
    });
    this.ended = this.#until(() => this.over || this.#closed !== undefined);
  }

  get over(): boolean {
    return this.#seen.some((status) => /^(completed|failed|cancelled)$/.test(status));
  }

  async until(status: "pre-switchover" | "completed"): Promise<void> {
    await this.#until(() => this.#seen.includes(status) || this.over || this.#closed !== undefined);
    if (this.#closed) throw this.#closed;
    if (this.#seen.includes(status)) return;
    throw fault("vmm_failed", {
      program: "QEMU",
      reason: `it could not save the machine${await this.#why()}`,
    });
  }

  close(): void {
    this.#unlisten();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #hear({ name, data }: QmpEvent): void {
    if (name !== "MIGRATION" || typeof data.status !== "string") return;
    this.#seen.push(data.status);
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  async #why(): Promise<string> {
    const answer = await this.#monitor.execute("query-migrate").catch(() => undefined);
    const reason = z.object({ "error-desc": z.string() }).safeParse(answer);
    return reason.success ? `: ${reason.data["error-desc"]}` : "";
  }
}

/** Writes what QEMU sends into the two files, each whole and with all its holes when this resolves. */
async function receive(
  server: Server,
  { memory, state }: { memory: string; state: string },
  signal: AbortSignal,
): Promise<void> {
  const [socket] = (await once(server, "connection", { signal })) as [Socket];
  // Whoever reads it at that moment is told, too.
  socket.on("error", () => undefined);
  const onAbort = (): void => void socket.destroy(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await using memoryFile = await open(memory, "wx", 0o600);
    await using stateFile = await open(state, "wx", 0o600);
    const stream = new MemoryStream(isMemory);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      await write(stream.push(chunk), memoryFile, stateFile);
    }
    if (!stream.passed) throw incomplete();
    await memoryFile.truncate(stream.size);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function incomplete(): Error {
  return fault("vmm_failed", { program: "QEMU", reason: "it did not save all of the machine" });
}

async function write(
  { kept, memory }: SplitStream,
  memoryFile: FileHandle,
  stateFile: FileHandle,
): Promise<void> {
  if (kept.length > 0) await writeAll(stateFile, kept);
  let run: Buffer[] = [];
  let begin = 0;
  let end = 0;
  for (const { offset, bytes } of memory) {
    if (offset !== end && run.length > 0) {
      await writeAll(memoryFile, run, begin);
      run = [];
    }
    if (run.length === 0) begin = offset;
    run.push(bytes);
    end = offset + bytes.length;
  }
  if (run.length > 0) await writeAll(memoryFile, run, begin);
}

/** writev(2) may write less than it was given. */
async function writeAll(file: FileHandle, buffers: Buffer[], position?: number): Promise<void> {
  const total = buffers.reduce((sum, { length }) => sum + length, 0);
  const { bytesWritten } = await file.writev(buffers, position);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(buffers).subarray(bytesWritten);
  let done = 0;
  while (done < rest.length) {
    const at = position === undefined ? undefined : position + bytesWritten + done;
    done += (await file.write(rest, done, rest.length - done, at)).bytesWritten;
  }
}

/** How long the guest stands still, by QEMU's own clock. */
class PauseWatch {
  readonly #monitor: QmpClient;
  readonly #unlisten: () => void;
  #stopped: number | undefined;
  #total = 0;

  constructor(monitor: QmpClient) {
    this.#monitor = monitor;
    this.#unlisten = monitor.onEvent(({ name, at }) => {
      if (name === "STOP") this.#stopped ??= at;
      if (name !== "RESUME" || this.#stopped === undefined) return;
      this.#total += at - this.#stopped;
      this.#stopped = undefined;
    });
  }

  /** Milliseconds, once the guest runs. An answer comes after the events that lead to it. */
  async pause(): Promise<number> {
    await this.#monitor.execute("query-status");
    return this.#total;
  }

  close(): void {
    this.#unlisten();
  }
}
