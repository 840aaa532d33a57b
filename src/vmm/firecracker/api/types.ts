/** Bodies of Firecracker's API as far as it is used (src/firecracker/swagger/firecracker.yaml of Firecracker 1.8 to 1.16). */

export interface MachineConfiguration {
  /** 1 to 32. */
  vcpu_count: number;
  mem_size_mib: number;
  smt?: boolean;
  track_dirty_pages?: boolean;
}

/** Paths are those of the host, and relative ones relative to where Firecracker runs. */
export interface BootSource {
  /** An uncompressed ELF image. */
  kernel_image_path: string;
  initrd_path?: string;
  boot_args?: string;
}

export interface Drive {
  /** `[A-Za-z0-9_]`; the same as in the path of the request. */
  drive_id: string;
  path_on_host: string;
  is_root_device: boolean;
  is_read_only: boolean;
  /** `Writeback`: what the guest flushes reaches the host's disk. */
  cache_type?: "Unsafe" | "Writeback";
  io_engine?: "Sync" | "Async";
}

export interface PartialDrive {
  drive_id: string;
  path_on_host?: string;
}

export interface NetworkInterface {
  iface_id: string;
  /** Of a TAP device in Firecracker's network namespace. */
  host_dev_name: string;
  guest_mac?: string;
}

export interface Vsock {
  /** From 3 on. */
  guest_cid: number;
  uds_path: string;
}

export type EntropyDevice = Record<string, never>;

export interface Balloon {
  amount_mib: number;
  deflate_on_oom: boolean;
  stats_polling_interval_s?: number;
}

export interface BalloonUpdate {
  amount_mib: number;
}

export interface Logger {
  log_path: string;
  level?: "Error" | "Warning" | "Info" | "Debug" | "Trace" | "Off";
  show_level?: boolean;
  show_log_origin?: boolean;
}

export interface Metrics {
  metrics_path: string;
}

export interface Action {
  action_type: "FlushMetrics" | "InstanceStart" | "SendCtrlAltDel";
}

export interface VmState {
  state: "Paused" | "Resumed";
}

export interface SnapshotCreateParams {
  snapshot_path: string;
  mem_file_path: string;
  snapshot_type?: "Full" | "Diff";
}

export interface SnapshotLoadParams {
  snapshot_path: string;
  mem_backend: { backend_type: "File" | "Uffd"; backend_path: string };
  resume_vm?: boolean;
  network_overrides?: { iface_id: string; host_dev_name: string }[];
}

export interface InstanceInfo {
  id: string;
  app_name: string;
  vmm_version: string;
  state: "Not started" | "Running" | "Paused";
}

export interface FirecrackerVersion {
  firecracker_version: string;
}

/** One request: what it is and what it carries. */
export type ApiRequest =
  | { method: "PUT"; path: "/machine-config"; body: MachineConfiguration }
  | { method: "PUT"; path: "/boot-source"; body: BootSource }
  | { method: "PUT"; path: `/drives/${string}`; body: Drive }
  | { method: "PATCH"; path: `/drives/${string}`; body: PartialDrive }
  | { method: "PUT"; path: `/network-interfaces/${string}`; body: NetworkInterface }
  | { method: "PUT"; path: "/vsock"; body: Vsock }
  | { method: "PUT"; path: "/entropy"; body: EntropyDevice }
  | { method: "PUT"; path: "/balloon"; body: Balloon }
  | { method: "PATCH"; path: "/balloon"; body: BalloonUpdate }
  | { method: "PUT"; path: "/logger"; body: Logger }
  | { method: "PUT"; path: "/metrics"; body: Metrics }
  | { method: "PUT"; path: "/actions"; body: Action }
  | { method: "PATCH"; path: "/vm"; body: VmState }
  | { method: "PUT"; path: "/snapshot/create"; body: SnapshotCreateParams }
  | { method: "PUT"; path: "/snapshot/load"; body: SnapshotLoadParams };
