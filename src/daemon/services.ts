import type { RegisterRequest } from "../image/local/register.ts";
import type { PullRequest } from "../image/plan.ts";
import type { LoadRequest, PruneOptions, UsedBy } from "../image/service.ts";
import type { ImportRequest } from "../kernel/import.ts";
import type { Context } from "../lib/context.ts";
import type { CachePrune, DaemonInfo, Defaults, DoctorReport, ImagePrune } from "../model/api/answers.ts";
import type { Catalog } from "../model/catalog.ts";
import type { AvailableImage, Image } from "../model/image.ts";
import type { AvailableKernel, Kernel } from "../model/kernel.ts";
import type { VmApi } from "../vm/api.ts";
import type { OperationRegistry } from "./operations/registry.ts";

/** What the routes need; the composition root makes the real ones, tests their own. */
export interface Services {
  vms: VmApi;
  images: ImageApi;
  catalogs: CatalogApi;
  kernels: KernelApi;
  operations: OperationRegistry;
  /** Never rejects because of what it finds. */
  doctor(signal: AbortSignal): Promise<DoctorReport>;
  defaults(): Defaults;
  info(): Promise<DaemonInfo>;
  /** Removes what was downloaded and can be had again; nothing else runs meanwhile. */
  pruneCache(options: { dryRun: boolean }): Promise<CachePrune>;
  /** Begins the end of the daemon; returns at once. */
  shutdown(): void;
}

export interface ImageApi {
  list(): Promise<Image[]>;
  available(context: Context): Promise<AvailableImage[]>;
  show(ref: string): Promise<Image>;
  pull(ref: string, context: Context, request?: PullRequest): Promise<Image>;
  save(ref: string, context: Context): Promise<AsyncIterable<Buffer>>;
  load(bundle: AsyncIterable<Uint8Array>, context: Context, request?: LoadRequest): Promise<Image>;
  register(name: string, request: RegisterRequest, context: Context): Promise<Image>;
  promote(ref: string, usedBy: UsedBy, context: Context): Promise<Image>;
  verify(ref: string, signal: AbortSignal): Promise<Image>;
  rename(ref: string, name: string, context: Context): Promise<Image>;
  remove(ref: string, usedBy: UsedBy, options?: { force?: boolean }): Promise<{ id: string; freed: number }>;
  prune(options: PruneOptions, usedBy: UsedBy): Promise<ImagePrune>;
  sweep(usedBy: UsedBy): Promise<void>;
}

export interface CatalogApi {
  list(): Promise<Catalog[]>;
  update(context: Context): Promise<Catalog[]>;
}

export interface KernelApi {
  list(): Promise<Kernel[]>;
  available(): Promise<AvailableKernel[]>;
  show(name: string): Promise<Kernel>;
  pull(name: string, options: { force: boolean }, context: Context): Promise<Kernel>;
  import(request: ImportRequest & { force: boolean }, context: Context): Promise<Kernel>;
  remove(name: string): Promise<{ name: string; freed: number }>;
}
