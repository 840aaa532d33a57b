import * as answers from "./answers.ts";
import * as bodies from "./bodies.ts";
import type { Shape, Version } from "./shape.ts";

/** As `GET /` tells it. */
export type State = "Not started" | "Running" | "Paused";

/** One call of Firecracker's API. */
export interface Call {
  readonly method: "GET" | "PUT" | "PATCH";
  /** A segment in braces is an id, and the name of the field of the body that repeats it. */
  readonly path: string;
  readonly body?: Shape;
  /** What a success (200) is answered with; without it success is 204, and nothing. */
  readonly answer?: Shape;
  readonly states: readonly State[];
  readonly since?: Version;
  /** Decides what the machine is, after which no snapshot can be loaded any more. */
  readonly configures?: true;
}

const before = ["Not started"] as const;
const after = ["Running", "Paused"] as const;
const always = [...before, ...after] as const;

/**
 * The calls of Firecracker's API that this package makes, or that it would take to watch one that it started. When they are allowed is
 * told by Firecracker's documents (docs/snapshotting, docs/ballooning.md, docs/api_requests); which of its two states after the start is
 * asked for matters for `PUT /snapshot/create` alone.
 */
export const calls: readonly Call[] = [
  { method: "GET", path: "/", answer: answers.instanceInfo, states: always },
  { method: "GET", path: "/version", answer: answers.version, states: always },
  { method: "GET", path: "/vm/config", answer: answers.fullConfiguration, states: always },
  { method: "GET", path: "/machine-config", answer: bodies.machineConfiguration, states: always },
  { method: "PUT", path: "/logger", body: bodies.logger, states: before },
  { method: "PUT", path: "/metrics", body: bodies.metrics, states: before },
  { method: "PUT", path: "/serial", body: bodies.serial, states: before, since: "1.14" },
  {
    method: "PUT",
    path: "/machine-config",
    body: bodies.machineConfiguration,
    states: before,
    configures: true,
  },
  { method: "PUT", path: "/boot-source", body: bodies.bootSource, states: before, configures: true },
  { method: "PUT", path: "/drives/{drive_id}", body: bodies.drive, states: before, configures: true },
  { method: "PATCH", path: "/drives/{drive_id}", body: bodies.partialDrive, states: after },
  {
    method: "PUT",
    path: "/network-interfaces/{iface_id}",
    body: bodies.networkInterface,
    states: before,
    configures: true,
  },
  {
    method: "PATCH",
    path: "/network-interfaces/{iface_id}",
    body: bodies.partialNetworkInterface,
    states: after,
  },
  { method: "PUT", path: "/vsock", body: bodies.vsock, states: before, configures: true },
  { method: "PUT", path: "/entropy", body: bodies.entropy, states: before, configures: true },
  { method: "GET", path: "/balloon", answer: bodies.balloon, states: always },
  { method: "PUT", path: "/balloon", body: bodies.balloon, states: before, configures: true },
  // The description allows it before the start as well; Firecracker does not.
  { method: "PATCH", path: "/balloon", body: bodies.balloonUpdate, states: after },
  { method: "GET", path: "/balloon/statistics", answer: answers.balloonStatistics, states: after },
  // Which of its actions are allowed depends on the action: `actionStates`.
  { method: "PUT", path: "/actions", body: bodies.action, states: always },
  { method: "PATCH", path: "/vm", body: bodies.vmState, states: after },
  { method: "PUT", path: "/snapshot/create", body: bodies.snapshotCreate, states: ["Paused"] },
  { method: "PUT", path: "/snapshot/load", body: bodies.snapshotLoad, states: before },
];

export const actionStates: Readonly<Record<string, readonly State[]>> = {
  InstanceStart: before,
  FlushMetrics: after,
  SendCtrlAltDel: after,
};
