import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { sleep } from "../lib/deadline.ts";
import { errnoOf, fault, isFault, messageOf } from "../lib/errors/error.ts";
import { type Agent, agentOn } from "./agent.ts";
import { shakeHands } from "./handshake.ts";

export interface ConnectOptions {
  /** Path of the unix socket of the machine's channel; it need not exist yet. */
  readonly socket: string;
  /** Name of the machine, for messages. */
  readonly vm: string;
  /** Milliseconds from now until the agent must have said hello. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Lines of the agent's log, safe to print. Called while frames are read: it must neither block nor throw. */
  readonly onLog?: (line: string) => void;
  /** Milliseconds until HELLO is said again. */
  readonly repeat?: number;
}

/** With a channel that is there already, which is the agent's from now on, also when this fails. */
export type DuplexOptions = Omit<ConnectOptions, "socket"> & { readonly duplex: Duplex };

/** A socket that is not there yet, or not yet listened to, is tried again after this many milliseconds. */
const retryDelay = 20;
/** Errors of connect(2) that pass when the machine has come further. */
const passing = new Set(["ENOENT", "ECONNREFUSED", "EAGAIN", "ECONNRESET", "EPIPE"]);

/**
 * Connects to the agent of a machine that may just be starting.
 *
 * @throws guest_unreachable, guest_version, guest_protocol, interrupted
 */
export async function connectAgent(options: ConnectOptions | DuplexOptions): Promise<Agent> {
  const { vm, deadline } = options;
  const alarm = new AbortController();
  const timer = setTimeout(() => alarm.abort(), deadline);
  const signal = AbortSignal.any([options.signal, alarm.signal]);
  try {
    if ("duplex" in options) return await greet(options.duplex, { ...options, signal });
    return await keepTrying({ ...options, signal });
  } catch (error) {
    if (options.signal.aborted) {
      throw fault("interrupted", { what: `connecting to vm ${vm}` }, options.signal.reason);
    }
    if (isFault(error, "guest_version", "guest_protocol")) throw error;
    const silent = isFault(error, "interrupted");
    const late = alarm.signal.aborted ? `no hello within ${deadline / 1000} s: ` : "";
    const reason = late + (silent ? "its channel is there, but nothing comes from it" : messageOf(error));
    throw fault("guest_unreachable", { vm, reason }, error);
  } finally {
    clearTimeout(timer);
  }
}

async function keepTrying(options: ConnectOptions): Promise<Agent> {
  for (;;) {
    try {
      return await greet(await open(options.socket, options.signal), options);
    } catch (error) {
      if (options.signal.aborted || !passes(error)) throw error;
      if (!(await rested(options.signal))) throw error;
    }
  }
}

async function greet(duplex: Duplex, options: Omit<ConnectOptions, "socket">): Promise<Agent> {
  try {
    const handshake = await shakeHands(duplex, options);
    return agentOn(duplex, handshake, options.onLog ?? (() => undefined));
  } catch (error) {
    // Its last errors are those of a channel that was given up.
    duplex.on("error", () => undefined);
    duplex.destroy();
    throw error;
  }
}

function open(path: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const onAbort = (): void => {
      socket.destroy();
      reject(fault("interrupted", { what: "connecting" }, signal.reason));
    };
    const onError = (error: Error): void => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", onError);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

/** Waits before the next attempt; false when there is no time for one. */
async function rested(signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(retryDelay, signal);
    return true;
  } catch (error) {
    if (isFault(error, "interrupted")) return false;
    throw error;
  }
}

function passes(error: unknown): boolean {
  return isFault(error, "channel_closed") || passing.has(errnoOf(error) ?? "");
}
