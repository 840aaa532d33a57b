import { z } from "zod";
import { catalogSchema } from "../catalog.ts";
import { availableImageSchema, imageSchema } from "../image.ts";
import { jobSchema } from "../job.ts";
import { availableKernelSchema, kernelSchema } from "../kernel.ts";
import { logSources } from "../log-request.ts";
import { operationSchema } from "../operation.ts";
import { vmPortsSchema } from "../ports.ts";
import { vmStatsSchema } from "../stats.ts";
import { templateSchema } from "../template.ts";
import { vmSchema } from "../vm.ts";
import {
  cachePruneSchema,
  copyResultSchema,
  daemonInfoSchema,
  defaultsSchema,
  doctorReportSchema,
  imagePruneSchema,
  sshTargetSchema,
} from "./answers.ts";
import { buildImageSchema } from "./build.ts";
import {
  buildTemplateSchema,
  commitVmSchema,
  createVmSchema,
  detachSchema,
  dialRequestSchema,
  importKernelSchema,
  killJobSchema,
  killVmSchema,
  loadImageSchema,
  promoteImageSchema,
  pruneCacheSchema,
  pruneImagesSchema,
  pruneVmsSchema,
  pullImageSchema,
  pullKernelSchema,
  registerImageSchema,
  renameImageSchema,
  setVmSchema,
  stopVmSchema,
  waitVmSchema,
} from "./requests.ts";

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under `/v1`; `{name}` marks a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** The media type of a body that is streamed. */
  readonly upload?: string;
  readonly answer: z.ZodType;
  /** 202 marks an operation; `ndjson`, `text`, `tar`, `zstd` and `upgrade` answers are streams. */
  readonly status: 200 | 202;
  readonly stream?: "ndjson" | "text" | "tar" | "zstd" | "upgrade";
}

const flag = z.stringbool().optional();
const guestPath = z.string().startsWith("/", "expected an absolute path in the machine");
const owner = z.string().min(1).optional();

/** Every route of the API. Validation, docs/openapi.json and the SDK's types come from here. */
export const routes = {
  info: { method: "GET", path: "/info", summary: "The daemon itself", answer: daemonInfoSchema, status: 200 },
  doctor: {
    method: "GET",
    path: "/doctor",
    summary: "Checks of the host",
    answer: doctorReportSchema,
    status: 200,
  },
  defaults: {
    method: "GET",
    path: "/defaults",
    summary: "What a create resolves to",
    answer: defaultsSchema,
    status: 200,
  },
  shutdown: {
    method: "POST",
    path: "/shutdown",
    summary: "End the daemon; machines go on",
    answer: z.object({}),
    status: 200,
  },

  listVms: { method: "GET", path: "/vms", summary: "All machines", answer: z.array(vmSchema), status: 200 },
  createVm: {
    method: "POST",
    path: "/vms",
    summary: "Create a machine",
    body: createVmSchema,
    answer: operationSchema,
    status: 202,
  },
  pruneVms: {
    method: "POST",
    path: "/vms/prune",
    summary: "Delete every machine that does not run",
    body: pruneVmsSchema,
    answer: operationSchema,
    status: 202,
  },
  showVm: { method: "GET", path: "/vms/{ref}", summary: "One machine", answer: vmSchema, status: 200 },
  vmStats: {
    method: "GET",
    path: "/vms/{ref}/stats",
    summary: "What a machine takes at this moment",
    answer: vmStatsSchema,
    status: 200,
  },
  stats: {
    method: "GET",
    path: "/stats",
    summary: "What each machine takes at this moment",
    answer: z.array(vmStatsSchema),
    status: 200,
  },
  setVm: {
    method: "PATCH",
    path: "/vms/{ref}",
    summary: "Change a machine's size",
    body: setVmSchema,
    answer: vmSchema,
    status: 200,
  },
  deleteVm: {
    method: "DELETE",
    path: "/vms/{ref}",
    summary: "Delete a machine and its disk",
    answer: operationSchema,
    status: 202,
  },
  startVm: {
    method: "POST",
    path: "/vms/{ref}/start",
    summary: "Start a machine",
    answer: operationSchema,
    status: 202,
  },
  stopVm: {
    method: "POST",
    path: "/vms/{ref}/stop",
    summary: "Sync and shut down a machine",
    body: stopVmSchema,
    answer: operationSchema,
    status: 202,
  },
  restartVm: {
    method: "POST",
    path: "/vms/{ref}/restart",
    summary: "Stop and start a machine",
    body: stopVmSchema,
    answer: operationSchema,
    status: 202,
  },
  killVm: {
    method: "POST",
    path: "/vms/{ref}/kill",
    summary: "Signal a machine's process",
    body: killVmSchema,
    answer: operationSchema,
    status: 202,
  },
  waitVm: {
    method: "POST",
    path: "/vms/{ref}/wait",
    summary: "Wait for a machine's agent, its services, a port, or its end",
    body: waitVmSchema,
    answer: operationSchema,
    status: 202,
  },
  commitVm: {
    method: "POST",
    path: "/vms/{ref}/commit",
    summary: "Make an image of a machine's disk",
    body: commitVmSchema,
    answer: operationSchema,
    status: 202,
  },
  vmLogs: {
    method: "GET",
    path: "/vms/{ref}/logs",
    summary: "The guest's console, its agent's log, or both",
    query: z.object({
      follow: flag,
      source: z.enum(logSources).default("console"),
      /** Nothing older. */
      since: z.iso.datetime({ offset: true }).optional(),
      /** Only so many of the last lines. */
      tail: z.coerce.number().int().min(0).optional(),
    }),
    answer: z.string(),
    status: 200,
    stream: "text",
  },
  sshVm: {
    method: "POST",
    path: "/vms/{ref}/ssh",
    summary: "Make a machine ready for an ssh connection",
    answer: sshTargetSchema,
    status: 200,
  },
  execVm: {
    method: "POST",
    path: "/vms/{ref}/exec",
    summary: "Run a command or a shell",
    answer: z.string(),
    status: 200,
    stream: "upgrade",
  },
  vmPorts: {
    method: "GET",
    path: "/vms/{ref}/ports",
    summary: "What the guest listens on, and where that is on this host",
    answer: vmPortsSchema,
    status: 200,
  },
  detachVm: {
    method: "POST",
    path: "/vms/{ref}/jobs",
    summary: "Run a command that no connection holds",
    body: detachSchema,
    answer: z.object({ id: z.int() }),
    status: 200,
  },
  listJobs: {
    method: "GET",
    path: "/vms/{ref}/jobs",
    summary: "Detached commands: those that run, and the last that ended",
    answer: z.array(jobSchema),
    status: 200,
  },
  killJob: {
    method: "POST",
    path: "/vms/{ref}/jobs/{job}/kill",
    summary: "Signal a detached command",
    body: killJobSchema,
    answer: z.object({}),
    status: 200,
  },
  dialVm: {
    method: "POST",
    path: "/vms/{ref}/dial",
    summary: "Connect to what listens in the guest; the upgraded connection is that connection",
    query: dialRequestSchema,
    answer: z.string(),
    status: 200,
    stream: "upgrade",
  },

  readFiles: {
    method: "GET",
    path: "/vms/{ref}/archive",
    summary: "Files of a machine as a tar archive",
    query: z.object({ path: guestPath, name: z.string().min(1).optional(), follow: flag }),
    answer: z.string(),
    status: 200,
    stream: "tar",
  },
  writeFiles: {
    method: "PUT",
    path: "/vms/{ref}/archive",
    summary: "Unpack a tar archive in a machine",
    query: z.object({ path: guestPath, directory: flag, keep_owners: flag, owner }),
    upload: "application/x-tar",
    answer: copyResultSchema,
    status: 200,
  },
  writeFile: {
    method: "PUT",
    path: "/vms/{ref}/file",
    summary: "Write one file in a machine",
    query: z.object({
      path: guestPath,
      owner,
      mode: z
        .string()
        .regex(/^[0-7]{3,4}$/, "expected an octal mode")
        .optional(),
    }),
    upload: "application/octet-stream",
    answer: copyResultSchema,
    status: 200,
  },

  listImages: {
    method: "GET",
    path: "/images",
    summary: "Local images",
    answer: z.array(imageSchema),
    status: 200,
  },
  availableImages: {
    method: "GET",
    path: "/images/available",
    summary: "The images of all catalogs",
    answer: z.array(availableImageSchema),
    status: 200,
  },
  pullImage: {
    method: "POST",
    path: "/images/pull",
    summary: "Fetch or build an image of the catalog or of a registry",
    body: pullImageSchema,
    answer: operationSchema,
    status: 202,
  },
  loadImage: {
    method: "POST",
    path: "/images/load",
    summary: "Make an image of a bundle",
    query: loadImageSchema,
    upload: "application/zstd",
    answer: imageSchema,
    status: 200,
  },
  saveImage: {
    method: "GET",
    path: "/images/{ref}/bundle",
    summary: "An image as a bundle",
    answer: z.string(),
    status: 200,
    stream: "zstd",
  },
  buildImage: {
    method: "POST",
    path: "/images/build",
    summary: "Make an image of another one by steps",
    body: buildImageSchema,
    answer: operationSchema,
    status: 202,
  },
  pruneImages: {
    method: "POST",
    path: "/images/prune",
    summary: "Delete images that no machine uses",
    body: pruneImagesSchema,
    answer: imagePruneSchema,
    status: 200,
  },
  pruneCache: {
    method: "POST",
    path: "/images/cache/prune",
    summary: "Remove downloads that can be had again",
    body: pruneCacheSchema,
    answer: cachePruneSchema,
    status: 200,
  },
  showImage: {
    method: "GET",
    path: "/images/{ref}",
    summary: "One image; with `verify` its whole disk is hashed first",
    query: z.object({ verify: flag }),
    answer: imageSchema,
    status: 200,
  },
  registerImage: {
    method: "POST",
    path: "/images/register",
    summary: "Make an image of a directory or a raw file of this host",
    body: registerImageSchema,
    answer: operationSchema,
    status: 202,
  },
  promoteImage: {
    method: "POST",
    path: "/images/{ref}/promote",
    summary: "Copy the file of a registered image into the store",
    body: promoteImageSchema,
    answer: operationSchema,
    status: 202,
  },
  renameImage: {
    method: "POST",
    path: "/images/{ref}/rename",
    summary: "Give an image another name",
    body: renameImageSchema,
    answer: imageSchema,
    status: 200,
  },
  deleteImage: {
    method: "DELETE",
    path: "/images/{ref}",
    summary: "Delete an image; with `force` also one in use, whose files stay until its last machine goes",
    query: z.object({ force: flag }),
    answer: z.object({ id: z.string(), freed: z.int() }),
    status: 200,
  },

  listCatalogs: {
    method: "GET",
    path: "/catalogs",
    summary: "The catalogs of the configuration",
    answer: z.array(catalogSchema),
    status: 200,
  },
  updateCatalogs: {
    method: "POST",
    path: "/catalogs/update",
    summary: "Fetch all catalogs anew",
    answer: operationSchema,
    status: 202,
  },

  listKernels: {
    method: "GET",
    path: "/kernels",
    summary: "Local kernels",
    answer: z.array(kernelSchema),
    status: 200,
  },
  availableKernels: {
    method: "GET",
    path: "/kernels/available",
    summary: "The kernel catalog",
    answer: z.array(availableKernelSchema),
    status: 200,
  },
  pullKernel: {
    method: "POST",
    path: "/kernels/pull",
    summary: "Fetch a kernel of the catalog",
    body: pullKernelSchema,
    answer: operationSchema,
    status: 202,
  },
  importKernel: {
    method: "POST",
    path: "/kernels/import",
    summary: "Make a kernel of files on this host",
    body: importKernelSchema,
    answer: operationSchema,
    status: 202,
  },
  showKernel: {
    method: "GET",
    path: "/kernels/{name}",
    summary: "One kernel",
    answer: kernelSchema,
    status: 200,
  },
  deleteKernel: {
    method: "DELETE",
    path: "/kernels/{name}",
    summary: "Delete a kernel",
    query: z.object({ force: flag }),
    answer: z.object({ name: z.string(), freed: z.int() }),
    status: 200,
  },

  listTemplates: {
    method: "GET",
    path: "/templates",
    summary: "Templates, last used first",
    answer: z.array(templateSchema),
    status: 200,
  },
  buildTemplate: {
    method: "POST",
    path: "/templates",
    summary: "Make a template",
    body: buildTemplateSchema,
    answer: operationSchema,
    status: 202,
  },
  deleteTemplate: {
    method: "DELETE",
    path: "/templates/{ref}",
    summary: "Delete a template; its copies go on",
    answer: z.object({ id: z.string(), freed: z.int() }),
    status: 200,
  },

  listOperations: {
    method: "GET",
    path: "/operations",
    summary: "Operations, newest first",
    answer: z.array(operationSchema),
    status: 200,
  },
  showOperation: {
    method: "GET",
    path: "/operations/{id}",
    summary: "One operation",
    answer: operationSchema,
    status: 200,
  },
  operationEvents: {
    method: "GET",
    path: "/operations/{id}/events",
    summary: "Its progress, live",
    query: z.object({ cancel_on_disconnect: flag }),
    answer: z.string(),
    status: 200,
    stream: "ndjson",
  },
  cancelOperation: {
    method: "DELETE",
    path: "/operations/{id}",
    summary: "Cancel an operation",
    answer: operationSchema,
    status: 200,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
