import { createHash, randomBytes, randomUUID } from "node:crypto";
import { fault } from "../lib/errors/error.ts";
import type { VmRecord } from "../store/vm-repository.ts";
import { guestFiles } from "./guest-files.ts";
import { hostKeyComment, machineId } from "./identity.ts";
import { serials } from "./machine-spec.ts";
import type { VmParts } from "./parts.ts";
import type { Agent } from "./ports.ts";

const entropyBytes = 64;

/**
 * Makes a copy of a template a machine of its own, before anything else runs in it, and notes what the guest then says of itself.
 *
 * @throws guest_refused also when the guest still says something else; guest_protocol, channel_closed, timed_out, interrupted
 */
export async function identifyGuest(
  parts: VmParts,
  record: VmRecord,
  agent: Agent,
  signal: AbortSignal,
  /** False when its disk is as large as what it is a copy of: there is nothing to look at then. */
  { grown = true }: { grown?: boolean | undefined } = {},
): Promise<void> {
  const { id, name, spec } = record;
  const hostKey = await parts.files.hostKey(id, hostKeyComment(name));
  const wanted = { hostname: name, machineId: machineId(id), bootId: randomUUID() };
  const found = await agent.identify(
    {
      hostname: wanted.hostname,
      bootId: wanted.bootId,
      entropy: randomBytes(entropyBytes),
      files: guestFiles({ id, name, nat: spec.nat, provisioned: false }, hostKey),
      ...(grown ? { disk: { serial: serials.root, size: spec.disk } } : {}),
    },
    signal,
  );
  for (const [what, value] of Object.entries(wanted)) {
    const read = found[what as keyof typeof wanted];
    if (read === value) continue;
    const reason = `its ${what} is ${read === "" ? "missing" : read} instead of ${value}`;
    throw fault("guest_refused", { doing: "become a machine of its own", reason });
  }
  if (!record.origin) return;
  const identity = {
    ...wanted,
    hostKey: fingerprint(hostKey.publicKey),
    entropy: entropyBytes * 8,
    at: new Date().toISOString(),
  };
  parts.vms.update(id, { origin: { ...record.origin, identity } });
}

/** As `ssh-keygen -l` prints it. @param publicKey a line of a `.pub` file */
function fingerprint(publicKey: string): string {
  const [, blob = ""] = publicKey.split(" ");
  return `SHA256:${createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64").replace(/=+$/, "")}`;
}
