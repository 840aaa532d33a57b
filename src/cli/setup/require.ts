import { hostTools, missingTools } from "../../lib/host-tools.ts";
import type { World } from "../world.ts";
import { missingFault } from "./missing.ts";

/** What a machine needs whose image and kernel are local. */
const machinePrograms: readonly string[] = ["qemu-system-x86_64", "qemu-img"];

/**
 * Sees to it that the programs of the host are there: a few looks at the file system when they are. A checkout installs what is
 * missing when that needs no password; an installed package only says what to do. Programs that may turn out not to be needed
 * (`need: "machine"`, and everything is local) hold nobody up there.
 *
 * @throws host_packages_missing
 */
export async function requireHostTools(world: World, need: "machine" | "image" | "kernel"): Promise<void> {
  const missing = missingTools(hostTools, world.env.PATH);
  if (missing.length === 0) return;
  const purpose = purposes[need];
  if (world.env.BANGER_LAUNCHER === "checkout") {
    const { installPackages } = await import("./install.ts");
    await installPackages(world, missing, purpose);
    return;
  }
  const certain =
    need === "machine" ? missing.filter(({ program }) => machinePrograms.includes(program)) : missing;
  if (certain.length > 0) throw missingFault(missing, purpose);
}

const purposes = { machine: "running machines", image: "building images", kernel: "unpacking kernels" };
