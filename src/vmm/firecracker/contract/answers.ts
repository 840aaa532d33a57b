import * as bodies from "./bodies.ts";
import { integer, listOf, needed, object, oneOf, type Shape, text } from "./shape.ts";

/** What Firecracker answers with, beside nothing (204). */

export const refusal: Shape = { name: "Error", fields: { fault_message: text } };

export const instanceInfo: Shape = {
  name: "InstanceInfo",
  fields: {
    app_name: { ...text, ...needed },
    id: { ...text, ...needed },
    state: { ...oneOf("Not started", "Running", "Paused"), ...needed },
    vmm_version: { ...text, ...needed },
  },
};

export const version: Shape = {
  name: "FirecrackerVersion",
  fields: { firecracker_version: { ...text, ...needed } },
};

/** Those parts of it that the calls of this contract set. */
export const fullConfiguration: Shape = {
  name: "FullVmConfiguration",
  fields: {
    balloon: object(bodies.balloon),
    drives: listOf(object(bodies.drive)),
    "boot-source": object(bodies.bootSource),
    logger: object(bodies.logger),
    "machine-config": object(bodies.machineConfiguration),
    metrics: object(bodies.metrics),
    "network-interfaces": listOf(object(bodies.networkInterface)),
    vsock: object(bodies.vsock),
    entropy: object(bodies.entropy),
  },
};

export const balloonStatistics: Shape = {
  name: "BalloonStats",
  fields: {
    target_pages: { ...integer(), ...needed },
    actual_pages: { ...integer(), ...needed },
    target_mib: { ...integer(), ...needed },
    actual_mib: { ...integer(), ...needed },
    ...Object.fromEntries(
      [
        ...["swap_in", "swap_out", "major_faults", "minor_faults", "free_memory", "total_memory"],
        ...["available_memory", "disk_caches", "hugetlb_allocations", "hugetlb_failures"],
      ].map((name) => [name, integer()]),
    ),
    ...Object.fromEntries(
      ["oom_kill", "alloc_stall", "async_scan", "direct_scan", "async_reclaim", "direct_reclaim"].map(
        (name) => [name, { ...integer(), since: "1.14" as const }],
      ),
    ),
  },
};
