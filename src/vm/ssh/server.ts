import { text } from "node:stream/consumers";
import { fault, isFault } from "../../lib/errors/error.ts";
import type { Agent } from "../ports.ts";

/** Where an image may have its server. It wants to be called by its whole path. */
const places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/run/current-system/sw/bin/sshd"];
/** Debian's server wants this directory, and only its own unit makes it, some time into the boot. */
const directory = "/run/sshd";
const hostKeyFile = `${directory}/banger_host_key`;
const keysFile = `${directory}/banger_authorized_keys`;

/** Prints the first of its arguments that can be run. */
const findScript = 'for file; do if [ -x "$file" ]; then printf %s "$file"; exit 0; fi; done; exit 1';

/**
 * Gives a guest's ssh server the keys, and tells the command that serves one connection over its input and output (sshd(8),
 * -i). The guest's own configuration holds for everything else; its server need not run, and listens nowhere for this.
 *
 * @throws ssh_server_missing, and what the agent throws
 */
export async function serverCommand(
  agent: Pick<Agent, "exec" | "putFile">,
  vm: { name: string; hostKey: string; authorizedKeys: string },
  signal: AbortSignal,
): Promise<string[]> {
  const [program] = await Promise.all([
    find(agent, vm.name, signal),
    agent.putFile({ path: hostKeyFile, content: vm.hostKey, mode: 0o600 }, signal),
    agent.putFile({ path: keysFile, content: vm.authorizedKeys, mode: 0o644 }, signal),
  ]);
  const options = [
    `AuthorizedKeysFile=${keysFile} .ssh/authorized_keys .ssh/authorized_keys2`,
    "PubkeyAuthentication=yes",
    "PermitRootLogin=prohibit-password",
  ];
  return [program, "-i", "-h", hostKeyFile, ...options.flatMap((option) => ["-o", option])];
}

async function find(agent: Pick<Agent, "exec">, vm: string, signal: AbortSignal): Promise<string> {
  try {
    const args = ["/bin/sh", "-c", findScript, "sh", ...places];
    const process = await agent.exec({ args, user: "root", cwd: "/" }, signal);
    process.stdin.end();
    process.stderr.resume();
    const [found, { code }] = await Promise.all([text(process.stdout), process.exited]);
    const program = places.find((place) => place === found);
    if (code === 0 && program !== undefined) return program;
  } catch (error) {
    // An image without a shell has no server either.
    if (!isFault(error, "exec_failed")) throw error;
  }
  throw fault("ssh_server_missing", { vm });
}
