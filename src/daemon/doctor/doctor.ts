import type { DebianArchive } from "../../debian/archive.ts";
import type { ImageService } from "../../image/service.ts";
import { detachedContext } from "../../lib/context.ts";
import type { Paths } from "../../lib/paths.ts";
import type { DoctorReport } from "../../model/api/answers.ts";
import type { Config } from "../../model/config.ts";
import type { NameServers } from "../../network/names.ts";
import type { AccelerationService } from "../../vmm/acceleration.ts";
import { findQemu } from "../../vmm/qemu/binary.ts";
import { hostChecks } from "./checks.ts";
import { lookAtNames } from "./names.ts";
import { examine, type Finding } from "./report.ts";

export interface DoctorParts {
  paths: Paths;
  config: Config;
  acceleration: AccelerationService;
  archive: Pick<DebianArchive, "checksValidUntil">;
  images: Pick<ImageService, "list" | "available">;
  names: Pick<NameServers, "state" | "tried">;
}

/** The doctor of this daemon: looks at the host through the services that machines use. */
export function makeDoctor(parts: DoctorParts): (signal: AbortSignal) => Promise<DoctorReport> {
  const { paths, config, acceleration, archive, images, names } = parts;
  const checks = hostChecks({
    paths,
    config,
    accelerator: (signal) => lookAtAccelerators(acceleration, config, signal),
    qemuVersion: async (signal) => {
      const { version, path } = await findQemu(signal);
      return `${version} (${path})`;
    },
    defaultImage: async () => {
      const name = config.default_image_name;
      if ((await images.list()).some((image) => image.name === name && image.problem === undefined)) {
        return "local";
      }
      const available = await images.available(detachedContext());
      return available.some((entry) => entry.name === name) ? "catalog" : "unknown";
    },
    names: async (signal) => {
      await names.tried();
      return await lookAtNames(names.state, signal);
    },
    releaseExpiry: async (signal) => {
      const checked = await archive.checksValidUntil(signal);
      const decided = config.archive.check_valid_until === undefined ? "as the host's apt" : "as configured";
      return `expiry of release files ${checked ? "checked" : "not checked"} ${decided}`;
    },
  });
  return (signal) => examine(checks, signal);
}

async function lookAtAccelerators(
  acceleration: AccelerationService,
  config: Config,
  signal: AbortSignal,
): Promise<Finding> {
  const context = { signal, report: () => undefined };
  const kvm = await acceleration.verdict("kvm", context, { fresh: true });
  if (kvm.usable) return { verdict: "pass", detail: "KVM runs 64-bit guests" };
  const tcg = await acceleration.verdict("tcg", context);
  if (!tcg.usable) {
    const detail = `KVM: ${kvm.reason}; software emulation: ${tcg.reason}`;
    return {
      verdict: "fail",
      detail,
      remedy: "Install a QEMU that works: sudo apt-get install qemu-system-x86",
    };
  }
  const detail = `software emulation, which is slower; KVM: ${kvm.reason}`;
  if (config.accelerator === "tcg") return { verdict: "pass", detail };
  return {
    verdict: "warn",
    detail,
    remedy: "Machines work all the same; for speed use a host whose KVM works",
  };
}
