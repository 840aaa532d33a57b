import type { GuestFile } from "../guest/operations.ts";
import { machineId } from "./identity.ts";
import type { KeyPair } from "./ssh/key.ts";

/** Resolver of QEMU's user-mode network. */
const natResolver = "10.0.2.3";

/**
 * The files that make a copy of an image a machine of its own. At its first boot they replace what the image brought; later
 * they are only put back where they are missing: what was changed inside stays changed.
 */
export function guestFiles(
  vm: { id: string; name: string; nat: boolean; provisioned: boolean },
  hostKey: KeyPair,
): GuestFile[] {
  const files: GuestFile[] = [
    { path: "/etc/hostname", content: `${vm.name}\n` },
    { path: "/etc/hosts", content: hosts(vm.name) },
    { path: "/etc/machine-id", content: `${machineId(vm.id)}\n`, mode: 0o444 },
    // An image without sshd has no use for keys.
    {
      path: "/etc/ssh/ssh_host_ed25519_key",
      content: hostKey.privateKey,
      mode: 0o600,
      onlyInDirectory: true,
    },
    { path: "/etc/ssh/ssh_host_ed25519_key.pub", content: hostKey.publicKey, onlyInDirectory: true },
  ];
  const identity = vm.provisioned ? files.map((file) => ({ ...file, onlyIfMissing: true })) : files;
  // The card comes and goes with `vm set`, so its resolver is told at every boot, as DHCP would.
  return vm.nat
    ? [...identity, { path: "/etc/resolv.conf", content: `nameserver ${natResolver}\n` }]
    : identity;
}

function hosts(name: string): string {
  return [
    "127.0.0.1\tlocalhost",
    `127.0.1.1\t${name}`,
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    "",
  ].join("\n");
}
