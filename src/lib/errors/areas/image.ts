import { define, listed, show } from "../define.ts";

/** Images: names, the local store, building. */
export const imageErrors = {
  image_not_found: define<{ name: string; available: string[] }>({
    status: 404,
    message: (p) => `image ${show(p.name)} not found`,
    remedy: (p) => `Use one of: ${listed(p.available)}`,
    when: "The image is neither local nor in the catalog.",
  }),
  image_broken: define<{ name: string; path: string; problem: string }>({
    status: 500,
    message: (p) => `the local image ${show(p.name)} is broken: ${p.problem}`,
    remedy: (p) => `Delete it with \`banger image delete ${p.name}\` and pull it again, or repair ${p.path}`,
    when: "A local image exists, but its manifest or its disk is unreadable, truncated or not its own.",
  }),
  image_exists: define<{ name: string; id: string }>({
    status: 409,
    message: (p) => `image ${show(p.name)} exists already (id ${p.id})`,
    remedy: (p) => `Pick another --name, or delete it first: banger image delete ${p.name}`,
    when: "`image pull` names an image that is already local.",
  }),
  image_in_use: define<{ name: string; vms: string[]; templates: string[] }>({
    status: 409,
    message: (p) => `image ${show(p.name)} is used by ${listed([...p.vms, ...p.templates.map(templateOf)])}`,
    remedy: (p) =>
      p.vms.length > 0
        ? `Delete the machines first: banger vm delete ${p.vms.join(" ")}; or use --force, which keeps its files until they are gone`
        : `Delete the templates first: banger template delete ${p.templates.join(" ")}; or use --force, which deletes them with it`,
    when: "An image cannot be deleted while the disk of a machine is based on it, nor without --force while a template is.",
  }),
  image_build_failed: define<{ name: string; reason: string }>({
    status: 500,
    message: (p) => `building image ${show(p.name)} failed: ${p.reason}`,
    remedy: () => "`banger daemon logs` has the builder's whole output; `banger doctor` checks the host",
    when: "The builder of a catalog image ended with an error that has no code of its own.",
  }),
  image_ambiguous: define<{ ref: string; ids: string[] }>({
    status: 409,
    message: (p) => `image ${show(p.ref)} could be any of ${listed(p.ids)}`,
    remedy: () => "Give the name or more of the id",
    when: "The beginning of an id fits several images.",
  }),
  image_file_missing: define<{ path: string }>({
    status: 404,
    message: (p) => `there is nothing at ${show(p.path)}`,
    remedy: () => "Check the path; it is one of the host that the daemon runs on",
    when: "`image register` or `image build` names a path that does not exist.",
  }),
  image_file_invalid: define<{ path: string; problem: string }>({
    status: 422,
    message: (p) => `${show(p.path)} ${p.problem}`,
    remedy: () => "Give a raw file that holds an ext4 file system and nothing else, as `mke2fs` makes it",
    when: "A file that is to be an image's root file system is not one that the kernel mounts.",
  }),
  image_step_failed: define<{
    name: string;
    number: string;
    step: string;
    status: number;
    last: string;
    vm: string | undefined;
  }>({
    status: 422,
    message: (p) =>
      `step ${p.number} of building ${show(p.name)} ended with status ${p.status} (${p.step})${p.last === "" ? "" : `: ${p.last}`}`,
    remedy: (p) =>
      p.vm === undefined
        ? "Add --keep-failed to have a look at its machine"
        : `Look at its machine with \`banger vm shell ${p.vm}\`, then delete it`,
    when: "A step of `image build` ran in the machine and did not succeed.",
  }),
  image_bound: define<{ name: string; vms: string[] }>({
    status: 409,
    message: (p) =>
      `the file of image ${show(p.name)} is where ${listed(p.vms)} found it, and must stay there`,
    remedy: (p) => `Delete the machines first: banger vm delete ${p.vms.join(" ")}`,
    when: "`image promote` while machines are based on the file where it is.",
  }),
  cache_busy: define<{ kind: string; target: string }>({
    status: 409,
    message: (p) => `the cache may be in use by ${p.kind} of ${show(p.target)}`,
    remedy: () => "Wait until it is done, or cancel it, and try again",
    when: "`image cache prune` while something is being fetched, made or started.",
  }),
  image_recipe_invalid: define<{ path: string; problem: string }>({
    status: 500,
    message: (p) => `the image recipe ${show(p.path)} cannot be used: ${p.problem}`,
    remedy: () => "Install banger again: its files are damaged or incomplete",
    when: "A recipe of a catalog image is missing or does not follow its format (docs/images.md).",
  }),
  bundle_invalid: define<{ problem: string }>({
    status: 422,
    message: (p) => `the bundle cannot be used: ${p.problem}`,
    remedy: () =>
      "Make it again with `banger image save`, or take another copy: this one is damaged or no bundle",
    when: "A bundle has something else in it than a manifest and the root file system that this describes.",
  }),
  image_sources_failed: define<{ name: string; failures: string[] }>({
    status: 502,
    message: (p) => `no source of image ${show(p.name)} can be used: ${p.failures.join("; ")}`,
    remedy: () => "Mend one of them: each failed for the reason that follows its name",
    when: "A catalog entry has several sources, and all of them failed.",
  }),
  root_filesystem_invalid: define<{ entry: string; problem: string; lacks?: "room" }>({
    status: 422,
    message: (p) => `the root file system cannot be made: ${show(p.entry)} ${p.problem}`,
    remedy: (p) =>
      p.lacks === "room"
        ? "Give a larger --size, or none: the size then comes from the content"
        : "The source of the image is malformed; take another one",
    when: "An archive that becomes a root file system is malformed, hostile or too large.",
  }),
};

function templateOf(id: string): string {
  return `the template ${id}`;
}
