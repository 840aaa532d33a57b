import type { BuildTemplate, CreateVm } from "../../../model/api/requests.ts";
import type { Invocation } from "../../args/spec.ts";
import type { vmCreate } from "../../specs/vm-run.ts";

type MachineFlags = Pick<
  Invocation<typeof vmCreate>["flags"],
  "name" | "image" | "kernel" | "vcpu" | "memory" | "disk" | "nat" | "cold"
>;

/** The flags that describe a machine as the request's fields; what was not given is left to the daemon. */
export function createRequest({ name, cold, ...shape }: MachineFlags): CreateVm {
  return { ...(name === undefined ? {} : { name }), ...(cold ? { cold } : {}), ...shapeRequest(shape) };
}

/** The same without what belongs to a single machine. */
export function shapeRequest({
  image,
  kernel,
  vcpu,
  memory,
  disk,
  nat,
}: Omit<MachineFlags, "name" | "cold">): BuildTemplate {
  return {
    ...(image === undefined ? {} : { image }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(disk === undefined ? {} : { disk }),
    nat,
  };
}
