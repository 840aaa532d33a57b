import { createHash, randomBytes } from "node:crypto";

/** 12 hexadecimal digits. */
export function newVmId(): string {
  return randomBytes(6).toString("hex");
}

/** machine-id(5): 32 hexadecimal digits; the same for a machine's whole life. */
export function machineId(id: string): string {
  return createHash("sha256").update(`banger machine-id ${id}`).digest("hex").slice(0, 32);
}

/** An address of QEMU's own range, unlike for two machines that meet. */
export function macAddress(id: string): string {
  const digits = id.slice(0, 6);
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}

/** As ssh-keygen would have it. */
export function hostKeyComment(name: string): string {
  return `root@${name}`;
}
