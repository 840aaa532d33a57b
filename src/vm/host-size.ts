import { availableParallelism, totalmem } from "node:os";

/** What the host has to share among machines. */
export interface HostSize {
  cpus: number;
  /** Bytes. */
  memory: number;
}

export function hostSize(): HostSize {
  return { cpus: availableParallelism(), memory: totalmem() };
}
