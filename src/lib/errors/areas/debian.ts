import { define, show } from "../define.ts";

/** Debian's archive: downloads, signatures and the hash chain. */
export const debianErrors = {
  archive_unreachable: define<{ url: string; reason: string; status?: number; retryAfter?: number }>({
    status: 502,
    message: (p) => `cannot reach ${show(p.url)}: ${p.reason}`,
    remedy: () => "Check the network and the proxy variables, or set archive.mirror in config.toml",
    when: "Debian's mirror, or another download server, does not answer or answers with an error.",
  }),
  archive_bad_signature: define<{ url: string; reason: string }>({
    status: 502,
    message: (p) => `the signature of ${show(p.url)} is not good: ${p.reason}`,
    remedy: () => "Do not use this mirror; set archive.mirror to another one",
    when: "InRelease is not signed by one of Debian's archive keys.",
  }),
  archive_release_expired: define<{ url: string; validUntil: string }>({
    status: 502,
    message: (p) => `the release file ${show(p.url)} expired on ${p.validUntil}`,
    remedy: () =>
      "Check the host's clock; for a mirror that is a dated copy set archive.check_valid_until = false",
    when: "The mirror serves a release file that is past its Valid-Until date.",
  }),
  archive_release_in_future: define<{ url: string; date: string }>({
    status: 502,
    message: (p) => `the release file ${show(p.url)} is of ${p.date}, which is still to come`,
    remedy: () => "Set the host's clock: it is behind",
    when: "The mirror serves a release file whose Date is more than a day ahead of the host's clock.",
  }),
  archive_bad_hash: define<{ url: string; expected: string; actual: string }>({
    status: 502,
    message: (p) => `${show(p.url)} has SHA-256 ${p.actual}, expected ${p.expected}`,
    remedy: () => "Try again; if it stays, set archive.mirror to another mirror",
    when: "A downloaded file differs from what the signed release file says of it.",
  }),
  archive_malformed: define<{ url: string; problem: string }>({
    status: 502,
    message: (p) => `${show(p.url)} cannot be understood: ${p.problem}`,
    remedy: () => "Try again; if it stays, set archive.mirror to another mirror",
    when: "A file of the archive is truncated or not of its format.",
  }),
  archive_package_missing: define<{ package: string; suite: string }>({
    status: 502,
    message: (p) => `the archive has no package ${show(p.package)} in ${p.suite}`,
    remedy: () => "Set archive.mirror to a full mirror of that suite",
    when: "A package that a kernel or an image needs is not in the mirror's index.",
  }),
};
