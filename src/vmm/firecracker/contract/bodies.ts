import { flag, integer, listOf, needed, object, oneOf, type Shape, text } from "./shape.ts";

/**
 * What requests to Firecracker's API carry, from its published description (src/firecracker/swagger/firecracker.yaml) and its
 * release notes. Where no release note tells since when there is a field, it counts from the version in whose description it was seen.
 */

/** How Firecracker begins to say that it could not read a body. */
export const unreadable = "An error occurred when deserializing the json body of a request";

const tokenBucket: Shape = {
  name: "TokenBucket",
  fields: {
    /** Tokens. */
    size: { ...integer(0), ...needed },
    one_time_burst: integer(0),
    /** Milliseconds. */
    refill_time: { ...integer(0), ...needed },
  },
};

const rateLimiter: Shape = {
  name: "RateLimiter",
  fields: { bandwidth: object(tokenBucket), ops: object(tokenBucket) },
};

export const machineConfiguration: Shape = {
  name: "MachineConfiguration",
  fields: {
    vcpu_count: { ...integer(1, 32), ...needed },
    mem_size_mib: { ...integer(), ...needed },
    smt: flag,
    track_dirty_pages: flag,
    cpu_template: oneOf("C3", "T2", "T2S", "T2CL", "T2A", "V1N1", "None"),
    huge_pages: oneOf("None", "Transparent", "2M"),
  },
  rule({ vcpu_count: count, mem_size_mib: memory, smt, huge_pages: pages }) {
    if (Number(memory) < 1) return "The memory size (MiB) is invalid.";
    if (smt === true && count !== 1 && Number(count) % 2 !== 0) {
      return "The specified vCPU count must be 1 or an even number when SMT is enabled.";
    }
    if (pages === "2M" && Number(memory) % 2 !== 0) return "The memory size (MiB) is invalid.";
    return undefined;
  },
};

export const bootSource: Shape = {
  name: "BootSource",
  fields: { kernel_image_path: { ...text, ...needed }, initrd_path: text, boot_args: text },
};

export const drive: Shape = {
  name: "Drive",
  fields: {
    drive_id: { ...text, ...needed },
    is_root_device: { ...flag, ...needed },
    path_on_host: text,
    is_read_only: flag,
    partuuid: text,
    cache_type: oneOf("Unsafe", "Writeback"),
    io_engine: oneOf("Sync", "Async"),
    rate_limiter: object(rateLimiter),
    socket: text,
  },
  /** A drive is a file, or the socket of another process that serves it, and each has fields of its own. */
  rule({ path_on_host: path, is_read_only: readOnly, io_engine: engine, rate_limiter: limiter, socket }) {
    const asFile = path !== undefined && socket === undefined;
    const foreign = path ?? readOnly ?? engine ?? limiter;
    const asSocket = socket !== undefined && foreign === undefined;
    if ((asFile && readOnly !== undefined) || asSocket) return undefined;
    return "Unable to create the virtio block device: Invalid config for a virtio or a vhost-user block device";
  },
};

export const partialDrive: Shape = {
  name: "PartialDrive",
  fields: { drive_id: { ...text, ...needed }, path_on_host: text, rate_limiter: object(rateLimiter) },
};

export const networkInterface: Shape = {
  name: "NetworkInterface",
  fields: {
    iface_id: { ...text, ...needed },
    host_dev_name: { ...text, ...needed },
    guest_mac: text,
    mtu: { ...integer(68, 65535), since: "1.17" },
    rx_rate_limiter: object(rateLimiter),
    tx_rate_limiter: object(rateLimiter),
  },
  rule({ guest_mac: mac }) {
    const right = mac === undefined || /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(String(mac));
    return right ? undefined : `invalid MAC address ${mac}`;
  },
};

export const partialNetworkInterface: Shape = {
  name: "PartialNetworkInterface",
  fields: {
    iface_id: { ...text, ...needed },
    rx_rate_limiter: object(rateLimiter),
    tx_rate_limiter: object(rateLimiter),
  },
};

export const vsock: Shape = {
  name: "Vsock",
  fields: { guest_cid: { ...integer(3), ...needed }, uds_path: { ...text, ...needed }, vsock_id: text },
};

export const entropy: Shape = { name: "EntropyDevice", fields: { rate_limiter: object(rateLimiter) } };

export const balloon: Shape = {
  name: "Balloon",
  fields: {
    amount_mib: { ...integer(), ...needed },
    deflate_on_oom: { ...flag, ...needed },
    stats_polling_interval_s: integer(),
    free_page_hinting: { ...flag, since: "1.14" },
    free_page_reporting: { ...flag, since: "1.14" },
  },
};

export const balloonUpdate: Shape = {
  name: "BalloonUpdate",
  fields: { amount_mib: { ...integer(), ...needed } },
};

export const logger: Shape = {
  name: "Logger",
  fields: {
    log_path: text,
    level: {
      kind: "string",
      anyCase: true,
      values: ["Error", "Warning", "Info", "Debug", "Trace", "Off"],
    },
    show_level: flag,
    show_log_origin: flag,
    module: text,
  },
};

export const metrics: Shape = {
  name: "Metrics",
  fields: {
    metrics_path: { ...text, ...needed },
    emit_id: { ...flag, since: "1.17" },
    properties: { kind: "names", since: "1.17" },
  },
};

export const serial: Shape = {
  name: "SerialDevice",
  fields: { serial_out_path: text, rate_limiter: { ...object(tokenBucket), since: "1.17" } },
};

export const action: Shape = {
  name: "InstanceActionInfo",
  fields: { action_type: { ...oneOf("FlushMetrics", "InstanceStart", "SendCtrlAltDel"), ...needed } },
};

export const vmState: Shape = {
  name: "Vm",
  fields: { state: { ...oneOf("Paused", "Resumed"), ...needed } },
};

export const snapshotCreate: Shape = {
  name: "SnapshotCreateParams",
  fields: {
    snapshot_path: { ...text, ...needed },
    mem_file_path: { ...text, ...needed },
    snapshot_type: oneOf("Full", "Diff"),
  },
};

const memoryBackend: Shape = {
  name: "MemoryBackend",
  fields: {
    backend_type: { ...oneOf("File", "Uffd"), ...needed },
    backend_path: { ...text, ...needed },
  },
};

const networkOverride: Shape = {
  name: "NetworkOverride",
  fields: { iface_id: { ...text, ...needed }, host_dev_name: { ...text, ...needed } },
};

const vsockOverride: Shape = {
  name: "VsockOverride",
  fields: { uds_path: { ...text, ...needed } },
};

export const snapshotLoad: Shape = {
  name: "SnapshotLoadParams",
  fields: {
    snapshot_path: { ...text, ...needed },
    mem_backend: object(memoryBackend),
    mem_file_path: text,
    resume_vm: flag,
    enable_diff_snapshots: flag,
    track_dirty_pages: { ...flag, since: "1.13" },
    network_overrides: { ...listOf(object(networkOverride)), since: "1.12" },
    vsock_override: { ...object(vsockOverride), since: "1.16" },
    clock_realtime: { ...flag, since: "1.17" },
    huge_pages: { ...oneOf("Snapshot", "None", "Transparent", "2M"), since: "1.17" },
  },
  rule({ mem_backend: backend, mem_file_path: file }) {
    const either = "either `mem_backend` or `mem_file_path`";
    if (backend === undefined && file === undefined)
      return `${unreadable}: missing field: ${either} is required.`;
    if (backend !== undefined && file !== undefined) {
      return `${unreadable}: too many fields: ${either} exclusively is required.`;
    }
    return undefined;
  },
};
