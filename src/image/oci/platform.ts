import { fault } from "../../lib/errors/error.ts";
import type { Descriptor, ImageIndex, Platform } from "./manifest.ts";

/** What the machines of this host run; their kernels run 32-bit programs, too. */
const runnable = ["amd64", "386"];

/** @param text `os/architecture` or `os/architecture/variant` @throws invalid_value, unsupported_here */
export function parsePlatform(text: string): Platform {
  const [os = "", architecture = "", variant, ...more] = text.split("/");
  const isWhole = [os, architecture, variant ?? "x"].every((part) => /^[a-z0-9._-]+$/.test(part));
  if (!isWhole || more.length > 0) {
    throw fault("invalid_value", { what: "the platform", value: text, expected: "one such as linux/amd64" });
  }
  if (os !== "linux" || !runnable.includes(architecture)) {
    const reason = "the machines of this host run linux/amd64";
    throw fault("unsupported_here", { what: `an image for ${text}`, reason });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant ? [variant] : [])].join("/");
}

/**
 * The manifest for a platform. Of several variants the plain one is taken unless one was asked for: every processor runs it.
 *
 * @throws image_platform_missing
 */
export function choosePlatform(index: ImageIndex, wanted: Platform, reference: string): Descriptor {
  const fitting = index.manifests.filter(({ platform }) => platform && fits(platform, wanted));
  const plain = fitting.find(({ platform }) => !platform?.variant || platform.variant === "v1");
  const chosen = plain ?? fitting[0];
  if (chosen) return chosen;
  throw missing(wanted, platformsOf(index), reference);
}

/** Checks the platform of an image that is not chosen from an index. @throws image_platform_missing */
export function checkPlatform(found: Found, wanted: Platform, reference: string): void {
  const { os, architecture, variant } = found;
  // Tools that make images by hand leave these empty.
  if (!os || !architecture || fits({ os, architecture, variant }, { ...wanted, variant: undefined })) return;
  throw missing(wanted, [formatPlatform({ os, architecture, variant })], reference);
}

/** As much of a platform as a configuration tells. */
type Found = { [Key in keyof Platform]?: Platform[Key] | undefined };

/** An index may list what is no image, such as attestations, as of an unknown platform. */
function platformsOf({ manifests }: ImageIndex): string[] {
  const named = manifests.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  return [...new Set(named)].filter((name) => !name.startsWith("unknown/")).toSorted();
}

function fits(platform: Platform, wanted: Platform): boolean {
  const { os, architecture, variant } = platform;
  if (os !== wanted.os || architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || variant === wanted.variant;
}

function missing(wanted: Platform, available: string[], reference: string): Error {
  return fault("image_platform_missing", { reference, platform: formatPlatform(wanted), available });
}
