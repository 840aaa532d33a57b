import { type BangerError, fault } from "../lib/errors/error.ts";
import { Fields, FieldWriter } from "./fields.ts";
import { violation } from "./violation.ts";

/** How far the guest has come: agent in the initramfs, root file system mounted, init started. */
export const phases = ["initramfs", "mounted", "booted"] as const;
export type Phase = (typeof phases)[number];

/** What an agent says of itself and its guest. Texts are safe to print. */
export interface Welcome {
  readonly version: number;
  readonly build: string;
  readonly phase: Phase;
  /** Milliseconds from the start of the guest's kernel to this answer. */
  readonly uptime: number;
  /** `uname -r`. */
  readonly kernel: string;
  /** Differs after a reboot of the guest. */
  readonly bootId: string;
  /** Milliseconds from the start of the guest's kernel to that of the agent. */
  readonly agentStart: number;
}

/** The versions of the protocol that this side speaks. */
export const versions = { min: 1, max: 2 } as const;

export function encodeHello(build: string): Buffer {
  return new FieldWriter().u32(1, versions.min).u32(2, versions.max).text(3, build).finish();
}

/** @throws guest_version, guest_protocol */
export function readWelcome(payload: Buffer): Welcome {
  const fields = new Fields(payload, "WELCOME");
  const version = fields.requireU32(1);
  if (version === 0) throw mismatch(fields);
  if (version < versions.min || version > versions.max) {
    throw violation(`WELCOME that chooses version ${version}`);
  }
  return {
    version,
    build: fields.text(4) ?? "",
    phase: readPhase(fields, 5),
    uptime: Number(fields.requireU64(6)) / 1e6,
    kernel: fields.text(7) ?? "",
    bootId: fields.text(8) ?? "",
    agentStart: Number(fields.requireU64(9)) / 1e6,
  };
}

/** @throws guest_protocol */
export function readPhase(fields: Fields, tag: number): Phase {
  const number = fields.requireU32(tag);
  const phase = phases[number];
  if (!phase) throw violation(`a guest in phase ${number}`);
  return phase;
}

function mismatch(fields: Fields): BangerError {
  const agent = range(fields.requireU32(2), fields.requireU32(3));
  return fault("guest_version", { agent, daemon: range(versions.min, versions.max) });
}

function range(min: number, max: number): string {
  return min === max ? `${min}` : `${min} to ${max}`;
}
