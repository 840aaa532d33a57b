import { type BangerError, fault } from "../../lib/errors/error.ts";

export interface FailedBuild {
  /** Name of the image. */
  image: string;
  suite: string;
  /** The end of what the builder printed. */
  output: string;
  /** Where the tree was being built. */
  workspace: string;
  cause: unknown;
}

type Diagnosis = (build: FailedBuild) => BangerError | undefined;

/** The error that a failed mmdebstrap means, by what it and the programs that it runs printed. */
export function explainFailure(build: FailedBuild): BangerError {
  for (const diagnose of diagnoses) {
    const found = diagnose(build);
    if (found) return found;
  }
  return fault("image_build_failed", { name: build.image, reason: reasonIn(build.output) }, build.cause);
}

/** A full disk comes first: it makes everything else fail, too. */
const diagnoses: Diagnosis[] = [
  noSpace,
  toolMissing,
  badHash,
  badSize,
  badSignature,
  packageMissing,
  unreachable,
];

function noSpace({ image, output, workspace, cause }: FailedBuild): BangerError | undefined {
  if (!/No space left on device|Disk quota exceeded|You don't have enough free space/.test(output)) {
    return undefined;
  }
  return fault("no_space", { path: workspace, doing: `building image ${image}` }, cause);
}

function toolMissing({ output, cause }: FailedBuild): BangerError | undefined {
  const match =
    /^E: need working (\S+) binary|^\S*(?:sh|fakechroot|fakeroot): \d+: (?:exec: )?(\S+): not found|^E: cannot find (\S+)$/m.exec(
      output,
    );
  const tool = match?.[1] ?? match?.[2] ?? match?.[3];
  return tool ? fault("tool_missing", { tool, package: tool }, cause) : undefined;
}

/** After the address come the hashes of the index, then those of the file. */
function badHash({ output, cause }: FailedBuild): BangerError | undefined {
  const match = /Failed to fetch (\S+) +Hash Sum mismatch/.exec(output);
  if (!match) return undefined;
  const [url = "", details = ""] = [match[1], output.slice(match.index).split(/^E: /m, 1)[0]];
  const [expected = "that of the index", actual = "another one"] = Array.from(
    details.matchAll(/SHA256:([0-9a-f]{64})/g),
    ([, hash]) => hash,
  );
  return fault("archive_bad_hash", { url, expected, actual }, cause);
}

/** apt does not hash what it can already tell to be another file. */
function badSize({ output, cause }: FailedBuild): BangerError | undefined {
  const match = /Failed to fetch (\S+) +File has unexpected size \((\d+) != (\d+)\)/.exec(output);
  if (!match) return undefined;
  const [, url = "", actual, expected] = match;
  return fault("archive_malformed", { url, problem: `it has ${actual} bytes, expected ${expected}` }, cause);
}

function badSignature({ output, cause }: FailedBuild): BangerError | undefined {
  const match =
    /(?:GPG error: (\S+) .*?: (The following signatures .*)|The repository '(\S+) .*' (is not signed|is no longer signed))/.exec(
      output,
    );
  if (!match) return undefined;
  const [, failed, why, unsigned, how = ""] = match;
  return fault("archive_bad_signature", { url: failed ?? unsigned ?? "", reason: why ?? `it ${how}` }, cause);
}

function packageMissing({ output, suite, cause }: FailedBuild): BangerError | undefined {
  const match = /^E: Unable to locate package (\S+)|^E: Package '(\S+)' has no installation candidate/m.exec(
    output,
  );
  const name = match?.[1] ?? match?.[2];
  return name ? fault("archive_package_missing", { package: name, suite }, cause) : undefined;
}

function unreachable({ output, cause }: FailedBuild): BangerError | undefined {
  const match = /Failed to fetch (\S+) +(\S.*)$/m.exec(output);
  if (!match) return undefined;
  const [, url = "", reason = ""] = match;
  return fault("archive_unreachable", { url, reason: withoutAddress(reason) }, cause);
}

/** apt ends its messages with the address that it talked to. */
function withoutAddress(reason: string): string {
  return reason
    .replace(/ \[IP: [^\]]+\]$/, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The first thing that went wrong, which is the one that the others follow from; else the last thing that was said. */
function reasonIn(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const telling = lines.filter(
    (line) => line !== "" && !/^I: |^E: (?:\w+ failed|apt-get .* failed)/.test(line),
  );
  const error = telling.find((line) => /^(dpkg: error|E: (?!Sub-process))/.test(line));
  return (error ?? telling.at(-1) ?? "it said nothing").replace(/^E: /, "");
}
