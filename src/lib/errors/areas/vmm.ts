import { define, listed, show } from "../define.ts";

/** Virtual machine monitors and accelerators. */
export const vmmErrors = {
  vmm_missing: define<{ program: string; command: string }>({
    status: 503,
    message: (p) => `no virtual machine monitor: ${show(p.program)} was not found`,
    remedy: (p) => `Install it: ${p.command}`,
    when: "QEMU is not installed.",
  }),
  vmm_failed: define<{ program: string; reason: string }>({
    status: 500,
    message: (p) => `${p.program} did not start the machine: ${p.reason}`,
    remedy: () => "`banger doctor` tests the virtual machine monitor on this host",
    when: "The virtual machine monitor ended or refused its configuration before the guest ran.",
  }),
  vmm_protocol: define<{ program: string; problem: string }>({
    status: 500,
    message: (p) => `${p.program} answered with something unexpected: ${p.problem}`,
    remedy: () => "Check the version of the virtual machine monitor with `banger doctor`",
    when: "The monitor's control socket sent something that its protocol does not allow, or an error.",
  }),
  accelerator_unavailable: define<{ wanted: string; reason: string; usable: string[] }>({
    status: 503,
    message: (p) => `the accelerator ${show(p.wanted)} does not work here: ${p.reason}`,
    remedy: (p) => `Use one of: ${listed(p.usable)}`,
    when: "config.toml asks for an accelerator that the probe found unusable.",
  }),
};
