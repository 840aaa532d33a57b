import { readFileSync } from "node:fs";
import { z } from "zod";
import { type ImageConfig, imageConfigSchema } from "../model/image.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import type { MachineRuntime } from "../vmm/driver.ts";

/** What the database keeps of a running machine. */
export interface StoredRuntime {
  /** Of the host: a process that was noted before a restart of the host is gone, whoever has its pid now. */
  readonly hostBoot: string;
  /** What becomes PID 1 in the guest; absent when the agent's own init serves. */
  readonly init?: string | undefined;
  /** How the image wants its programs run. */
  readonly config?: ImageConfig | undefined;
  readonly machine: MachineRuntime;
}

/** What a start takes over from the image. */
export type ImageSetup = Pick<StoredRuntime, "init" | "config">;

const storedRuntimeSchema: z.ZodType<StoredRuntime> = z.object({
  hostBoot: z.string(),
  init: z.string().optional(),
  config: imageConfigSchema.optional(),
  machine: z.object({
    driver: z.string(),
    version: z.string(),
    accelerator: z.enum(["kvm", "tcg"]),
    process: z.object({ pid: z.int(), startTime: z.number() }),
    agentSocket: z.string(),
    monitorSocket: z.string(),
    consoleLog: z.string(),
    log: z.string(),
  }),
});

/** @param image what the manifest of the machine's image says of running it */
export function storeRuntime(machine: MachineRuntime, image: ImageSetup): StoredRuntime {
  const { init, config } = image;
  return { hostBoot: hostBoot(), init, config, machine };
}

/** Undefined when nothing was noted, or what another version noted cannot be read. */
export function readRuntime(record: VmRecord): StoredRuntime | undefined {
  return storedRuntimeSchema.safeParse(record.runtime).data;
}

export function isOfThisHostBoot(runtime: StoredRuntime): boolean {
  return runtime.hostBoot === hostBoot();
}

function hostBoot(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
