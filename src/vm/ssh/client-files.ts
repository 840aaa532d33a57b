/** A machine as ssh is to know it. */
export interface SshHost {
  readonly id: string;
  readonly name: string;
  /** The line of its public host key: type, key, comment. */
  readonly hostKey: string;
}

export interface SshClientSetup {
  readonly knownHosts: string;
  /** The private key that machines let in. */
  readonly identity: string;
  /** Program, arguments and environment of what connects ssh to a machine; the host's name is added. */
  readonly proxy: { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> };
}

/** Host keys by the machines' ids: a name that is used again for another machine finds no key of the old one (sshd(8)). */
export function knownHosts(hosts: readonly SshHost[]): string {
  return hosts
    .map(({ id, hostKey }) => `${alias(id)} ${hostKey.trim().split(" ").slice(0, 2).join(" ")}\n`)
    .join("");
}

/**
 * Configuration that makes `ssh <name>.vm` reach a machine (ssh_config(5)). The first value that ssh finds for a keyword counts, so
 * what is for one machine comes before what is for all.
 */
export function clientConfig(hosts: readonly SshHost[], setup: SshClientSetup): string {
  const { knownHosts: file, identity, proxy } = setup;
  const assignments = Object.entries(proxy.env).map(([name, value]) => shellQuote(`${name}=${value}`));
  const words = ["/usr/bin/env", ...assignments, ...proxy.command.map(shellQuote)];
  return [
    "# Made by banger, and made again whenever a machine comes or goes.",
    ...hosts.flatMap(({ id, name }) => [`Host ${name}.vm ${id}.vm`, `    HostKeyAlias ${alias(id)}`]),
    "Host *.vm",
    "    User root",
    `    IdentityFile ${configQuote(identity)}`,
    "    IdentitiesOnly yes",
    `    UserKnownHostsFile ${configQuote(file)}`,
    "    GlobalKnownHostsFile /dev/null",
    "    StrictHostKeyChecking yes",
    "    UpdateHostKeys no",
    "    HostKeyAlgorithms ssh-ed25519",
    // Both ends are on this host; the usual first choice takes seconds in a guest under software emulation.
    "    KexAlgorithms ^curve25519-sha256",
    `    ProxyCommand ${percent(words.join(" "))} %h`,
    "",
  ].join("\n");
}

function alias(id: string): string {
  return `banger-${id}`;
}

/** A file name for the keywords that take several and expand `%`. */
function configQuote(path: string): string {
  return `"${percent(path).replaceAll(/["\\]/g, "\\$&")}"`;
}

function percent(text: string): string {
  return text.replaceAll("%", "%%");
}

/** One word for a POSIX shell; plain ones stay readable. */
function shellQuote(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
