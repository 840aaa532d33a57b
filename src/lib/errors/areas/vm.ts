import { define, listed, show } from "../define.ts";

/** Machines: names, states and what can be asked of them. */
export const vmErrors = {
  vm_not_found: define<{ ref: string }>({
    status: 404,
    message: (p) => `vm ${show(p.ref)} not found`,
    remedy: () => "See `banger vm list`",
    when: "No machine has this name, id, or beginning of an id.",
  }),
  vm_ambiguous: define<{ ref: string; names: string[] }>({
    status: 409,
    message: (p) => `vm ${show(p.ref)} could be any of ${listed(p.names)}`,
    remedy: () => "Give the name or more of the id",
    when: "The beginning of an id fits several machines.",
  }),
  vm_name_taken: define<{ name: string }>({
    status: 409,
    message: (p) => `a vm named ${show(p.name)} exists already`,
    remedy: (p) => `Pick another --name, or delete it first: banger vm delete ${p.name}`,
    when: "`vm run` or `vm create` names a machine that exists.",
  }),
  vm_name_invalid: define<{ name: string }>({
    exit: 2,
    status: 400,
    message: (p) => `${show(p.name)} is not a vm name`,
    remedy: () => "Use 1 to 63 of a-z, 0-9 and -, without a - at either end",
    when: "The name of a machine is not a DNS label (RFC 1123).",
  }),
  vm_wrong_state: define<{ name: string; state: string; wanted: string; action: string }>({
    status: 409,
    message: (p) => `vm ${show(p.name)} is ${p.state}; to ${p.action} it must be ${p.wanted}`,
    remedy: (p) =>
      p.wanted === "running" ? `Start it: banger vm start ${p.name}` : `Stop it: banger vm stop ${p.name}`,
    when: "The machine is not in the state that the command needs.",
  }),
  wait_expired: define<{ vm: string; targets: string[]; seconds: number }>({
    exit: 124,
    status: 504,
    message: (p) =>
      `vm ${show(p.vm)} did not get there within ${p.seconds} s: still waiting for ${listed(p.targets)}`,
    remedy: (p) => `Give it more time with --timeout, or see what keeps it: banger vm logs ${p.vm}`,
    when: "`vm wait` reached its deadline; the exit status is that of timeout(1).",
  }),
  vm_disk_missing: define<{ name: string }>({
    status: 409,
    message: (p) => `vm ${show(p.name)} has never run and has no disk of its own`,
    remedy: () => "Start it and change something first; until then it is its image",
    when: "`vm commit` names a machine that was created and not started.",
  }),
  vm_failed: define<{ name: string; reason: string }>({
    status: 500,
    message: (p) => `vm ${show(p.name)} failed: ${p.reason}`,
    remedy: (p) => `See its console with \`banger vm logs ${p.name}\``,
    when: "The machine's process ended, or the guest did not come up.",
  }),
  vm_spec_invalid: define<{ problem: string; remedy: string }>({
    exit: 2,
    status: 400,
    message: (p) => p.problem,
    remedy: (p) => p.remedy,
    when: "The size asked for a machine is not possible on this host.",
  }),
  vm_disk_shrink: define<{ name: string; current: string; wanted: string }>({
    exit: 2,
    status: 400,
    message: (p) => `the disk of vm ${show(p.name)} is ${p.current} and cannot shrink to ${p.wanted}`,
    remedy: () => "Disks only grow; create a new machine for a smaller one",
    when: "`vm set --disk` names a size below the present one.",
  }),
  template_not_found: define<{ ref: string }>({
    status: 404,
    message: (p) => `template ${show(p.ref)} not found`,
    remedy: () => "See `banger template list`",
    when: "No template has this id, or beginning of an id, or image.",
  }),
  template_broken: define<{ id: string; problem: string }>({
    status: 500,
    message: (p) => `template ${show(p.id)} is damaged: ${p.problem}`,
    remedy: () => "Nothing to do: machines boot without it, and it is made again",
    when: "A file of a template is not as it was made. It is dropped.",
  }),
  template_failed: define<{ reason: string }>({
    status: 500,
    message: (p) => `a template could not be made: ${p.reason}`,
    remedy: () => "Machines boot without it; `banger template build` tries again",
    when: "A guest did not come to the point at which a template is taken.",
  }),
};
