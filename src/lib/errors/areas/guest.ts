import { define, show } from "../define.ts";

/** The agent inside the guest, and what it is asked to do. */
export const guestErrors = {
  guest_unreachable: define<{ vm: string; reason: string }>({
    status: 504,
    message: (p) => `the agent in vm ${show(p.vm)} does not answer: ${p.reason}`,
    remedy: (p) =>
      `See its console with \`banger vm logs ${p.vm}\`; restart it with \`banger vm restart ${p.vm}\``,
    when: "The channel to the guest broke, or the agent did not say hello in time.",
  }),
  guest_console: define<{ tail: string }>({
    status: 500,
    message: (p) => (p.tail ? `its console ends with ${show(p.tail)}` : "its console is empty"),
    remedy: () => "`banger vm logs` shows the whole console",
    when: "The cause given with an error of a guest that did not come up: what its console says.",
  }),
  guest_protocol: define<{ problem: string }>({
    status: 502,
    message: (p) => `the guest broke the agent protocol: ${p.problem}`,
    remedy: () => "The machine may be compromised or broken: stop it, or restart it for a new channel",
    when: "The guest sent bytes that the agent protocol forbids; its channel was closed.",
  }),
  guest_version: define<{ agent: string; daemon: string }>({
    status: 501,
    message: (p) => `the machine's agent speaks protocol ${p.agent}, this banger speaks ${p.daemon}`,
    remedy: () => "Restart the machine: it then boots with this banger's agent",
    when: "The machine was started by a banger whose agent protocol has no version in common with this one.",
  }),
  guest_outdated: define<{ doing: string }>({
    status: 501,
    message: (p) => `the machine's agent is too old to ${p.doing}`,
    remedy: () => "Restart the machine: it then boots with this banger's agent",
    when: "The machine was started by an older banger, whose agent does not know what it is asked to do.",
  }),
  guest_refused: define<{ doing: string; reason: string; errno?: string }>({
    status: 500,
    message: (p) => `the guest could not ${p.doing}: ${p.reason}`,
    remedy: () => "The reason is the guest's own; `banger vm logs` shows its console",
    when: "The agent tried and failed, for instance to mount the root file system.",
  }),
  job_not_found: define<{ vm: string; job: number }>({
    status: 404,
    message: (p) => `vm ${show(p.vm)} has no detached command ${p.job}`,
    remedy: (p) => `List them with \`banger vm jobs ${p.vm}\``,
    when: "The machine was restarted since, or the command ended long ago: the last 16 that ended are kept.",
  }),
  exec_timeout: define<Record<string, never>>({
    exit: 124,
    status: 504,
    message: () => "the command took longer than its --timeout and was ended",
    remedy: () => "Give it more time with --timeout",
    when: "`vm exec --timeout`: the command's process group got SIGTERM, and SIGKILL 2 s later.",
  }),
  exec_failed: define<{ command: string; reason: string; exit: number }>({
    exit: (p) => p.exit,
    status: 422,
    message: (p) => `cannot run ${show(p.command)} in the guest: ${p.reason}`,
    remedy: () => "Check the command's name, its mode, the user and the directory",
    when: "The command of `vm exec` or `vm run` could not be started. 127 when it was not found.",
  }),
  ssh_server_missing: define<{ vm: string }>({
    status: 501,
    message: (p) => `vm ${show(p.vm)} has no ssh server`,
    remedy: (p) => `Install one in it (openssh-server), or do without: banger vm shell ${p.vm}`,
    when: "`vm ssh`, or ssh to a machine, found no sshd in its image.",
  }),
  dial_failed: define<{ target: string; reason: string; errno?: string }>({
    status: 502,
    message: (p) => `cannot connect to ${p.target} in the guest: ${p.reason}`,
    remedy: () => "See what listens in it with `banger vm ports`",
    when: "Nothing in the guest answers where a connection was to go.",
  }),
  channel_closed: define<{ reason: string }>({
    exit: 255,
    status: 502,
    message: (p) => `the connection to the machine ended: ${p.reason}`,
    remedy: () => "See whether it still runs with `banger vm list`",
    when: "The machine stopped, or the daemon did, while a command was attached.",
  }),
};
