import type { GuestFile } from "../../guest/operations.ts";

const hostKey = "/etc/ssh/ssh_host_ed25519_key";

/**
 * What makes a disk a certain machine's, emptied. Every machine is given its own of these before its first boot, so that an image
 * without a shell, from which nothing can be removed, gives none of them away either.
 */
export const blankFiles: readonly GuestFile[] = [
  { path: "/etc/machine-id", content: "", mode: 0o444 },
  { path: hostKey, content: "", mode: 0o600, onlyInDirectory: true },
  { path: `${hostKey}.pub`, content: "", onlyInDirectory: true },
];

/**
 * Removes what no two machines may share: every ssh host key, the seed of the random pool, the secret that systemd encrypts credentials
 * with, a machine-id that is kept a second time, leases, and the journal, whose directory has the machine-id for its name. Then it
 * gives free blocks back, where there is a tool for it.
 */
export const removeTraces = `
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -rf /var/log/journal/* /run/log/journal/*
rm -f /var/lib/dhcp/*.leases /var/lib/systemd/network/*
rm -rf /run/banger-build
sync
fstrim / 2>/dev/null || :
`;
