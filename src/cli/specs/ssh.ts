import type { CommandSpec } from "../args/spec.ts";

export const vmSsh = {
  path: ["vm", "ssh"],
  summary: "Go into a machine with ssh",
  description:
    "Runs the ssh of this host in place of banger, with banger's own key and the host key pinned. It works without a network card, as " +
    "long as the image has an ssh server. `banger ssh-config --install` makes plain `ssh <name>.vm` do the same.",
  examples: [
    { command: "banger vm ssh dev", note: "a shell as root" },
    { command: "banger vm ssh dev -- journalctl -f", note: "a command; each word arrives as it is" },
    { command: "banger vm ssh -u nobody dev -- id", note: "as somebody else" },
  ],
  positionals: [{ name: "VM", help: "the machine, by name, id or the beginning of an id" }],
  passthrough: { name: "COMMAND", help: "program and arguments to run instead of a shell" },
  flags: {
    user: { kind: "string", short: "u", value: "USER", help: "User to go in as (root)" },
    tty: { kind: "toggle", short: "t", help: "Give the command a terminal, or none" },
  },
} as const satisfies CommandSpec;

/** What ssh runs to get a connection (ProxyCommand). */
export const vmSshProxy = {
  path: ["vm", "ssh-proxy"],
  summary: "Connect standard input and output to a machine's ssh server",
  examples: [{ command: "banger vm ssh-proxy dev.vm", note: "as a ProxyCommand of ssh runs it" }],
  positionals: [{ name: "HOST", help: "the machine as ssh names it: dev.vm" }],
  flags: {},
  hidden: true,
} as const satisfies CommandSpec;

export const sshConfig = {
  path: ["ssh-config"],
  summary: "Make `ssh <name>.vm` reach machines",
  description:
    "Prints the line that makes ssh, scp, sftp, rsync, git and whatever else uses them know every machine as <name>.vm. With --install it " +
    "puts that one line at the top of ~/.ssh/config, and with --uninstall takes it out again; nothing else there is touched.",
  examples: [
    { command: "banger ssh-config --install", note: "then: ssh dev.vm" },
    { command: "banger ssh-config", note: "only print the line" },
    { command: "banger ssh-config --uninstall", note: "as it was before" },
  ],
  flags: {
    install: { kind: "boolean", help: "Put the line into ~/.ssh/config" },
    uninstall: { kind: "boolean", help: "Take the line out of ~/.ssh/config" },
  },
} as const satisfies CommandSpec;
