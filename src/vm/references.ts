import { fault } from "../lib/errors/error.ts";
import type { VmRecord, VmRepository } from "../store/vm-repository.ts";

const shortestPrefix = 3;

/**
 * The machine that a person means: by exact name, then by id, then by at least three characters of the beginning of an id.
 *
 * @throws vm_not_found, vm_ambiguous
 */
export function findVm(vms: VmRepository, ref: string): VmRecord {
  const named = vms.byName(ref) ?? vms.get(ref);
  if (named) return named;
  const fitting = ref.length >= shortestPrefix ? vms.byIdPrefix(ref) : [];
  const [first] = fitting;
  if (!first) throw fault("vm_not_found", { ref });
  if (fitting.length > 1) throw fault("vm_ambiguous", { ref, names: fitting.map((vm) => vm.name) });
  return first;
}
