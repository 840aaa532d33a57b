import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import { type BangerError, fault } from "../lib/errors/error.ts";
import { encodeFrame, frameTypes } from "./frames.ts";
import { encodeHello, readWelcome, type Welcome } from "./welcome.ts";
import { WelcomeHunter } from "./welcome-hunter.ts";

export interface HandshakeOptions {
  readonly signal: AbortSignal;
  /** Milliseconds until HELLO is said again. */
  readonly repeat?: number;
  /** What this side calls itself. */
  readonly build?: string;
}

export interface Handshake {
  readonly session: number;
  readonly welcome: Welcome;
  /** How often HELLO was said, so how many WELCOMEs may come. */
  readonly hellos: number;
}

/** Completes whatever frame a predecessor left unfinished: more than a payload and a trailer. */
const padding = Buffer.alloc(33_000);

/**
 * Says HELLO until the agent's WELCOME comes. The duplex is then paused, with every byte after the WELCOME still in it.
 * A failed handshake leaves the duplex to its owner.
 *
 * @throws guest_version, guest_protocol, channel_closed, interrupted
 */
export async function shakeHands(duplex: Duplex, options: HandshakeOptions): Promise<Handshake> {
  const { signal, repeat = 2000, build = "banger" } = options;
  const session = randomInt(1, 2 ** 32);
  const hunter = new WelcomeHunter(session);
  const hello = encodeFrame({ type: frameTypes.hello, session, payload: encodeHello(build) });
  const outcome = Promise.withResolvers<Handshake>();
  let hellos = 0;

  const greet = (): void => {
    // A guest that has not read the last one will find it: more of them would only pile up.
    if (duplex.writableLength > 0) return;
    hellos += 1;
    duplex.write(Buffer.concat([padding, hello]));
  };
  const onData = (chunk: Buffer): void => {
    const found = hunter.push(chunk);
    if (!found) return;
    duplex.off("data", onData);
    duplex.pause();
    if (found.rest.length > 0) duplex.unshift(found.rest);
    try {
      outcome.resolve({ session, welcome: readWelcome(found.payload), hellos });
    } catch (error) {
      outcome.reject(error);
    }
  };
  const onError = (error: Error): void => outcome.reject(closed(error.message, error));
  const onClose = (): void => outcome.reject(closed("it was closed before the agent said hello"));
  const onAbort = (): void => {
    outcome.reject(fault("interrupted", { what: "waiting for the agent's hello" }, signal.reason));
  };
  const release = (): void => {
    duplex.off("data", onData).off("error", onError).off("end", onClose).off("close", onClose);
  };

  duplex.on("data", onData).on("error", onError).on("end", onClose).on("close", onClose);
  signal.addEventListener("abort", onAbort);
  const timer = setInterval(greet, repeat);
  try {
    if (signal.aborted) onAbort();
    else if (duplex.destroyed) onClose();
    else greet();
    return await outcome.promise;
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    release();
  }
}

function closed(reason: string, cause?: unknown): BangerError {
  return fault("channel_closed", { reason }, cause);
}
