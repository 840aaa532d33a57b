import type { Duplex } from "node:stream";
import type { BangerError } from "../lib/errors/error.ts";
import { compareClock } from "./clock.ts";
import { Connection, type Traffic } from "./connection.ts";
import * as copies from "./copies.ts";
import * as copy from "./copy.ts";
import { type DialTarget, dial } from "./dial.ts";
import { type ExecSpec, exec } from "./exec.ts";
import type { GuestConnection } from "./guest-connection.ts";
import type { Handshake } from "./handshake.ts";
import { attach, detach, type GuestJob, jobs, killJob } from "./jobs.ts";
import { type ListenerChange, watchListeners } from "./listeners.ts";
import { type GuestMetrics, metrics } from "./metrics.ts";
import * as operations from "./operations.ts";
import type { GuestProcess } from "./process.ts";
import type { Welcome } from "./welcome.ts";

/**
 * The agent of a running guest. Every operation throws guest_refused (exec: exec_failed) when the guest will not or
 * cannot, guest_protocol or channel_closed when the connection is gone, timed_out or interrupted.
 */
export interface Agent {
  readonly welcome: Welcome;
  /** Why the connection ended: channel_closed or guest_protocol. Never rejects. */
  readonly closed: Promise<BangerError>;
  /** Bytes that this connection has carried. */
  readonly traffic: Traffic;
  mount(options: operations.MountOptions, signal: AbortSignal): Promise<operations.MountReport>;
  /** Whether the file was written, which only its own conditions can prevent. */
  putFile(file: operations.GuestFile, signal: AbortSignal): Promise<boolean>;
  boot(options: operations.BootOptions, signal: AbortSignal): Promise<void>;
  /** The signal is for the start; `reset()` of the process ends it later. */
  exec(spec: ExecSpec, signal: AbortSignal): Promise<GuestProcess>;
  /** Starts a command that no connection holds; gives its job's id. */
  detach(spec: ExecSpec, signal: AbortSignal): Promise<number>;
  jobs(signal: AbortSignal): Promise<GuestJob[]>;
  /** `vm` is the machine's name, for messages. */
  attach(job: { vm: string; id: number }, signal: AbortSignal): Promise<GuestProcess>;
  /** Sends a signal, by its Linux number, to a job's process group. */
  killJob(job: { vm: string; id: number }, number: number, signal: AbortSignal): Promise<void>;
  pack(spec: copy.PackSpec, signal: AbortSignal): Promise<GuestProcess>;
  unpack(spec: copy.UnpackSpec, signal: AbortSignal): Promise<GuestProcess>;
  store(spec: copy.StoreSpec, signal: AbortSignal): Promise<GuestProcess>;
  /** Returns at once, before the guest has answered; the signal is for `connected`. */
  dial(target: DialTarget, signal: AbortSignal): GuestConnection;
  /** What listens, then every change, until the signal aborts. One at a time. */
  watchListeners(signal: AbortSignal): AsyncIterable<ListenerChange[]>;
  sync(signal: AbortSignal): Promise<void>;
  shutdown(mode: operations.ShutdownMode, signal: AbortSignal): Promise<void>;
  info(signal: AbortSignal): Promise<operations.GuestInfo>;
  metrics(signal: AbortSignal): Promise<GuestMetrics>;
  /** Milliseconds by which the guest's clock is behind the host's, as of the sending of the question; `set` puts it right. */
  compareClock(options: { set: boolean }, signal: AbortSignal): Promise<number>;
  ping(signal: AbortSignal): Promise<void>;
  quiesce(options: { forget: boolean }, signal: AbortSignal): Promise<void>;
  identify(options: copies.IdentifyOptions, signal: AbortSignal): Promise<copies.Identified>;
  /** Ends what it runs and the connection; the guest itself goes on. */
  close(): Promise<void>;
}

/** An agent on a channel whose handshake is done; the channel is the agent's from now on. */
export function agentOn(duplex: Duplex, handshake: Handshake, onLog: (line: string) => void): Agent {
  return new ConnectedAgent(handshake.welcome, new Connection(duplex, handshake, onLog));
}

class ConnectedAgent implements Agent {
  readonly welcome: Welcome;
  readonly #connection: Connection;

  constructor(welcome: Welcome, connection: Connection) {
    this.welcome = welcome;
    this.#connection = connection;
  }

  get closed(): Promise<BangerError> {
    return this.#connection.closed;
  }

  get traffic(): Traffic {
    return this.#connection.traffic;
  }

  mount(options: operations.MountOptions, signal: AbortSignal): Promise<operations.MountReport> {
    return operations.mount(this.#connection.streams, options, signal);
  }

  putFile(file: operations.GuestFile, signal: AbortSignal): Promise<boolean> {
    return operations.putFile(this.#connection.streams, file, signal);
  }

  boot(options: operations.BootOptions, signal: AbortSignal): Promise<void> {
    return operations.boot(this.#connection.streams, options, signal);
  }

  exec(spec: ExecSpec, signal: AbortSignal): Promise<GuestProcess> {
    return exec(this.#connection.streams, spec, signal);
  }

  detach(spec: ExecSpec, signal: AbortSignal): Promise<number> {
    return detach(this.#connection.streams, spec, signal);
  }

  jobs(signal: AbortSignal): Promise<GuestJob[]> {
    return jobs(this.#connection.streams, signal);
  }

  attach(job: { vm: string; id: number }, signal: AbortSignal): Promise<GuestProcess> {
    return attach(this.#connection.streams, job, signal);
  }

  killJob(job: { vm: string; id: number }, number: number, signal: AbortSignal): Promise<void> {
    return killJob(this.#connection.streams, job, number, signal);
  }

  pack(spec: copy.PackSpec, signal: AbortSignal): Promise<GuestProcess> {
    return copy.pack(this.#connection.streams, spec, signal);
  }

  unpack(spec: copy.UnpackSpec, signal: AbortSignal): Promise<GuestProcess> {
    return copy.unpack(this.#connection.streams, spec, signal);
  }

  store(spec: copy.StoreSpec, signal: AbortSignal): Promise<GuestProcess> {
    return copy.store(this.#connection.streams, spec, signal);
  }

  dial(target: DialTarget, signal: AbortSignal): GuestConnection {
    return dial(this.#connection.streams, target, signal);
  }

  watchListeners(signal: AbortSignal): AsyncIterable<ListenerChange[]> {
    return watchListeners(this.#connection.streams, signal);
  }

  sync(signal: AbortSignal): Promise<void> {
    return operations.sync(this.#connection.streams, signal);
  }

  shutdown(mode: operations.ShutdownMode, signal: AbortSignal): Promise<void> {
    return operations.shutdown(this.#connection.streams, mode, signal);
  }

  info(signal: AbortSignal): Promise<operations.GuestInfo> {
    return operations.info(this.#connection.streams, signal);
  }

  metrics(signal: AbortSignal): Promise<GuestMetrics> {
    return metrics(this.#connection.streams, signal);
  }

  compareClock(options: { set: boolean }, signal: AbortSignal): Promise<number> {
    return compareClock(this.#connection.streams, options, signal);
  }

  ping(signal: AbortSignal): Promise<void> {
    return this.#connection.ping(signal);
  }

  quiesce(options: { forget: boolean }, signal: AbortSignal): Promise<void> {
    return copies.quiesce(this.#connection.streams, options, signal);
  }

  identify(options: copies.IdentifyOptions, signal: AbortSignal): Promise<copies.Identified> {
    return copies.identify(this.#connection.streams, options, signal);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
