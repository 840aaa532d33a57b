import type { Config } from "../model/config.ts";
import type { VmRepository } from "../store/vm-repository.ts";
import type { Accelerator, Driver } from "../vmm/driver.ts";
import type { TimeSource } from "./host-clock.ts";
import type { HostSize } from "./host-size.ts";
import type { ChooseAccelerator, ConnectAgent, Images, Kernels, VmNetwork } from "./ports.ts";
import type { SshAccess } from "./ssh/access.ts";
import type { TemplateStore } from "./templates/store.ts";
import type { VmFiles } from "./vm-files.ts";

/** What the service of machines is composed of. */
export interface VmParts {
  readonly vms: VmRepository;
  readonly files: VmFiles;
  readonly templates: TemplateStore;
  readonly driver: Driver;
  readonly images: Images;
  readonly kernels: Kernels;
  readonly chooseAccelerator: ChooseAccelerator;
  readonly kernelCommandLine: (accelerator: Accelerator) => string;
  readonly ssh: SshAccess;
  readonly connect: ConnectAgent;
  readonly config: Pick<Config, "default_image_name" | "vm_defaults" | "templates" | "template_budget"> &
    Partial<Pick<Config, "file_sync">>;
  readonly network: VmNetwork;
  readonly host: HostSize;
  readonly deadlines: Deadlines;
  /** Absent: the host's own clocks. */
  readonly time?: TimeSource;
  readonly log: (message: string, details?: Record<string, unknown>) => void;
}

/** Milliseconds. */
export interface Deadlines {
  /** From the start of the process to the agent's hello. */
  readonly hello: number;
  /** From the start of a copy's process to its agent's hello, after which it is booted instead. */
  readonly restored: number;
  /** From a copy's start to its identity's way to its disk: what it was made for comes first. */
  readonly saved: number;
  /** From a system that is up to its rest, when a template is taken of it. */
  readonly settle: number;
  /** For one attempt to reach the agent of a machine that runs already. */
  readonly relink: number;
  /** Between two such attempts. */
  readonly pause: number;
  /** For a stop to find the agent. */
  readonly agent: number;
  /** For the guest to write its data to its disk. */
  readonly sync: number;
  /** Between two orders to shut down. */
  readonly askAgain: number;
  /** For the guest to power off when it is told to, without its init. */
  readonly powerOff: number;
  /** For a signalled process to end. */
  readonly kill: number;
  /** For the first session of an ephemeral machine to begin. */
  readonly firstSession: number;
}

/** A guest under software emulation on a busy host takes its time to say hello; one that hangs is found out all the same. */
export const usualDeadlines: Deadlines = {
  hello: 90_000,
  restored: 20_000,
  saved: 2_500,
  settle: 1_500,
  relink: 30_000,
  pause: 500,
  agent: 5_000,
  sync: 20_000,
  askAgain: 2_000,
  powerOff: 10_000,
  kill: 5_000,
  firstSession: 30_000,
};
