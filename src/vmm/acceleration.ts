import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { diskFault } from "../lib/atomic.ts";
import { Coalescer } from "../lib/coalesce.ts";
import type { Context } from "../lib/context.ts";
import { type BangerError, fault } from "../lib/errors/error.ts";
import type { Accelerator } from "./driver.ts";
import { type Acceleration, kernelCommandLine } from "./kernel-command-line.ts";
import { probeProgram } from "./probe/guest-program.ts";
import { examineKvmDevice } from "./probe/kvm-device.ts";
import { runProbe } from "./probe/run.ts";
import { judge, type Verdict } from "./probe/verdict.ts";
import { VerdictCache } from "./probe/verdict-cache.ts";
import { findQemu, type QemuBinary } from "./qemu/binary.ts";
import { processorArguments } from "./qemu/processor.ts";

const retries = 3;

export interface AccelerationOptions {
  /** Ours: the probe's kernel and the verdicts are kept in it. */
  readonly directory: string;
  readonly kvmDevice?: string;
  /** Where QEMU is looked for; the environment's PATH without it. */
  readonly path?: string;
}

/** Finds out how guests run on this host, by running one, and remembers it for as long as the host runs. */
export class AccelerationService {
  readonly #options: AccelerationOptions;
  readonly #cache: VerdictCache;
  readonly #probes = new Coalescer<Verdict>();
  readonly #known = new Map<Accelerator, Verdict>();
  #announced = false;

  constructor(options: AccelerationOptions) {
    this.#options = options;
    this.#cache = new VerdictCache(join(options.directory, "verdicts.json"));
  }

  /**
   * The accelerator for a machine: KVM if guests run under it, else software emulation, which is said once.
   *
   * @throws accelerator_unavailable, vmm_missing, unsupported_here, no_space, directory_not_writable, interrupted
   */
  async choose(wanted: Accelerator | "auto", context: Context): Promise<Acceleration> {
    const first = await this.verdict(wanted === "auto" ? "kvm" : wanted, context);
    if (first.usable) return accelerationOf(first);
    if (wanted !== "auto") throw await this.#unavailable(wanted, first.reason, context);
    const second = await this.verdict("tcg", context);
    if (!second.usable) {
      const reason = `${first.reason}; and software emulation: ${second.reason}`;
      throw fault("accelerator_unavailable", { wanted, reason, usable: [] });
    }
    this.#announce(first.reason, context);
    return accelerationOf(second);
  }

  /** Parameters of the kernel of a machine that gets this accelerator, which has been chosen before. */
  kernelCommandLine(accelerator: Accelerator): string {
    const verdict = this.#known.get(accelerator);
    return kernelCommandLine(verdict?.usable ? accelerationOf(verdict) : { name: accelerator });
  }

  /**
   * Whether guests run under an accelerator: remembered, or tried out now. `fresh` tries it in any case.
   *
   * @throws vmm_missing, unsupported_here, tool_missing, no_space, directory_not_writable, interrupted
   */
  async verdict(
    accelerator: Accelerator,
    context: Context,
    options: { fresh?: boolean } = {},
  ): Promise<Verdict> {
    const device = accelerator === "kvm" ? examineKvmDevice(this.#options.kvmDevice) : undefined;
    if (device?.usable === false) return { accelerator, usable: false, reason: device.reason };
    const qemu = await findQemu(context.signal, this.#options.path);
    const key = keyOf(accelerator, qemu, device?.stamp);
    const verdict = await this.#probes.run(`the probe of ${key}`, context, async (shared) => {
      const known = options.fresh ? undefined : await this.#cache.get(accelerator, key);
      if (known) return known;
      const found = await this.#probe(accelerator, qemu, shared);
      await this.#cache.put(key, found);
      return found;
    });
    this.#known.set(accelerator, verdict);
    return verdict;
  }

  async #probe(accelerator: Accelerator, qemu: QemuBinary, context: Context): Promise<Verdict> {
    const { directory } = this.#options;
    makeDirectory(directory);
    for (let attempt = 1; ; attempt += 1) {
      const verdict = judge(accelerator, await runProbe(qemu.path, accelerator, directory, context.signal));
      // Without the frequency of its clock an emulated guest may hang on a busy host; KVM has a clock of its own.
      const complete = !verdict.usable || accelerator === "kvm" || verdict.tscKhz !== undefined;
      if (complete || attempt === retries) return verdict;
    }
  }

  async #unavailable(wanted: Accelerator, reason: string, context: Context): Promise<BangerError> {
    const other = await this.verdict(wanted === "kvm" ? "tcg" : "kvm", context);
    const usable = other.usable ? [other.accelerator] : [];
    return fault("accelerator_unavailable", { wanted, reason, usable });
  }

  #announce(reason: string, context: Context): void {
    if (this.#announced) return;
    this.#announced = true;
    const message = `KVM does not work here (${reason}): using software emulation, which is slower`;
    context.report({ stage: "accelerator", state: "note", message });
  }
}

function accelerationOf(verdict: Verdict & { usable: true }): Acceleration {
  return { name: verdict.accelerator, tscKhz: verdict.tscKhz };
}

/** Everything that a verdict depends on: the host's boot, QEMU, how it is called, the guest, the device. */
function keyOf(accelerator: Accelerator, qemu: QemuBinary, device: string | undefined): string {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return createHash("sha256")
    .update(JSON.stringify([bootId, qemu.stamp, processorArguments(accelerator), device ?? ""]))
    .update(probeProgram())
    .digest("hex");
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskFault(error, path, "making a directory");
  }
}
