import { access, chmod, link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../../src/lib/context.ts";
import { fault } from "../../../src/lib/errors/error.ts";
import type {
  DiskFile,
  Driver,
  Flattening,
  FoundProcess,
  Freezing,
  FrozenDisk,
  Machine,
  MachineEnd,
  MachineRuntime,
  MachineSnapshot,
  MachineSpec,
  NewDisk,
  RestoreOptions,
} from "../../../src/vmm/driver.ts";
import { tinyExt4 } from "../../image/images.ts";
import { type Crash, gated } from "./crash.ts";
import { GuestDouble } from "./guest.ts";
import type { World } from "./world.ts";

/** A driver whose machines live in the world, not in the daemon. */
export class DriverDouble implements Driver {
  readonly name = "double";
  readonly features = { nat: true, pause: true, snapshot: true };
  readonly #world: World;
  readonly #crash: Crash;

  constructor(world: World, crash: Crash) {
    this.#world = world;
    this.#crash = crash;
  }

  async start(spec: MachineSpec, context: Context): Promise<Machine> {
    const failure = this.#world.startFailure;
    if (failure) throw failure;
    await access(spec.runDirectory);
    for (const disk of spec.disks) await access(disk.path);
    const guest = await GuestDouble.start(spec, this.#world.manners);
    this.#world.guests.push(guest);
    await writeFile(spec.consoleLog, "Linux version 6.1\r\n\u001b[1mready\u001b[0m\n", { flag: "a" });
    await writeFile(guest.runtime.monitorSocket, "");
    await writeFile(guest.runtime.agentSocket, "");
    await this.#crash.pass("between the process and its note");
    if (!context.signal.aborted) return this.#machine(guest);
    guest.end(quitEnd);
    await guest.ended;
    throw fault("interrupted", { what: "starting the monitor" }, context.signal.reason);
  }

  async restore(
    spec: MachineSpec,
    snapshot: MachineSnapshot,
    context: Context,
    { beforeRun }: RestoreOptions = {},
  ): Promise<Machine> {
    if (this.#world.restoreFailure) throw this.#world.restoreFailure;
    await access(snapshot.state);
    await beforeRun?.();
    const machine = await this.start(spec, context);
    const guest = this.#world.guests.at(-1);
    if (guest) {
      guest.phase = "booted";
      guest.copied = true;
    }
    return machine;
  }

  async snapshotKey(spec: MachineSpec): Promise<string> {
    return JSON.stringify([spec.vcpu, spec.memory, spec.nic !== undefined, spec.kernel, this.#world.monitor]);
  }

  async adopt(runtime: MachineRuntime): Promise<Machine | undefined> {
    const guest = this.#world.guests.find(
      (one) => one.alive && one.runtime.process.pid === runtime.process.pid,
    );
    return guest && this.#machine(guest);
  }

  async find(root: string): Promise<FoundProcess[]> {
    return this.#world.guests
      .filter((guest) => guest.alive && guest.spec.runDirectory.startsWith(`${root}/`))
      .map((guest) => ({ process: guest.runtime.process, runDirectory: guest.spec.runDirectory }));
  }

  async lastWords(runtime: MachineRuntime): Promise<MachineEnd> {
    const guest = this.#world.guests.find((one) => one.runtime.process.pid === runtime.process.pid);
    return guest?.lastWords ?? { kind: "vanished", reason: "its process is gone", expected: false };
  }

  async createDisk({ directory, base, size, name = "disk" }: NewDisk): Promise<DiskFile> {
    const path = join(directory, `${name}.qcow2`);
    const below = typeof base === "string" ? base : base.path;
    await access(below);
    await writeFile(path, JSON.stringify({ base: below, size }), { flag: "wx" });
    return { path, format: "qcow2" };
  }

  async flattenDisk({ disk, target }: Flattening): Promise<void> {
    await access(disk.path);
    await writeFile(target, tinyExt4(), { flag: "wx" });
  }

  async freezeDisk({ disk, size, frozen: { directory, name }, next }: Freezing): Promise<FrozenDisk> {
    const frozen = { path: join(directory, `${name}.qcow2`), format: "qcow2" as const };
    await link(disk.path, frozen.path);
    await chmod(frozen.path, 0o400);
    return { frozen, next: await this.createDisk({ ...next, base: frozen, size }) };
  }

  async growDisk(disk: DiskFile, size: number): Promise<void> {
    const content = JSON.parse(await readFile(disk.path, "utf8"));
    await writeFile(disk.path, JSON.stringify({ ...content, size }));
  }

  async diskUsed(disk: DiskFile): Promise<number> {
    return await stat(disk.path).then(
      (status) => status.size,
      () => 0,
    );
  }

  #machine(guest: GuestDouble): Machine {
    const detached = Promise.withResolvers<never>();
    const machine: Machine = {
      runtime: guest.runtime,
      agentSocket: guest.runtime.agentSocket,
      // A daemon that died or left hears nothing of it.
      ended: Promise.race([guest.ended, detached.promise]).then(async (end) => {
        await this.#crash.live();
        return end;
      }),
      quit: async () => {
        guest.end(quitEnd);
        return await guest.ended;
      },
      saveState: async (path) => {
        guest.orders.push("save");
        if (guest.spec.memoryFile) await writeFile(guest.spec.memoryFile, "memory");
        await writeFile(path, "state");
      },
      capture: async ({ snapshot, disk, goOn }) => {
        if (this.#world.captureFailure) throw this.#world.captureFailure;
        guest.orders.push(goOn ? "capture" : "capture and stay");
        const root = guest.spec.disks[0];
        const size = 2 ** 30;
        const frozen =
          disk && root ? await this.freezeDisk({ ...disk, disk: guest.disk ?? root, size }) : undefined;
        if (frozen) {
          guest.disk = frozen.next;
          disk?.onSwitch(frozen);
        }
        if (snapshot) {
          await writeFile(snapshot.memory, "memory", { flag: "wx" });
          await writeFile(snapshot.state, "state", { flag: "wx" });
        }
        return { pause: goOn ? 12.5 : 0, disk: frozen };
      },
      announceDiskSize: async (index, size) => void guest.orders.push(`disk ${index} ${size}`),
      signal: (name) => guest.signal(name),
      pause: async () => void guest.orders.push("pause"),
      resume: async () => guest.resume(),
      onResume: (listener) => guest.onResume(listener),
      onReset: (listener) => guest.onReset(listener),
      detach: () => undefined,
    };
    return gated(this.#crash, "machine", machine, {
      now: ["signal", "onReset", "onResume", "detach"],
      reads: ["onReset", "onResume", "detach"],
    });
  }
}

const quitEnd: MachineEnd = { kind: "quit", reason: "ended by banger", expected: true };

export async function makeImageFiles(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of ["rootfs.ext4", "vmlinuz", "initramfs", "modules.ext4"]) {
    await writeFile(join(directory, name), name);
  }
}

export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
