import { pvhElf } from "../../src/vmm/probe/pvh-elf.ts";

const address = 0x100000;
/** Registers of QEMU's generic event device on the microvm machine: sleep control, and reset two bytes after. */
const sleepControl = 0xfea00200;
const resetRegister = sleepControl + 2;

/** A kernel for tests: says "up" on its console, spins for a moment if told to, and then does one thing. */
export function tinyGuest(does: "idle" | "power-off" | "reset"): Buffer {
  const code = [...say("up\n"), ...spin, ...action(does)];
  return pvhElf(Buffer.from(code), address, 0x10000);
}

/** mov dx, 3f8; then mov al, c; out dx, al for each character */
function say(text: string): number[] {
  return [0x66, 0xba, 0xf8, 0x03, ...[...Buffer.from(text)].flatMap((byte) => [0xb0, byte, 0xee])];
}

/** mov ecx, 200000000; dec ecx; jnz -3: a few tenths of a second, for the test to connect */
const spin = [0xb9, ...u32(200_000_000), 0x49, 0x75, 0xfd];

function action(does: "idle" | "power-off" | "reset"): number[] {
  if (does === "power-off") return [...store(sleepControl, 0x34), ...halt];
  if (does === "reset") return [...store(resetRegister, 0x42), ...halt];
  return halt;
}

/** mov byte [at], value */
function store(at: number, value: number): number[] {
  return [0xc6, 0x05, ...u32(at), value];
}

/** cli; hlt; jmp -3 */
const halt = [0xfa, 0xf4, 0xeb, 0xfd];

function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}
