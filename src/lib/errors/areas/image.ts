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
  image_in_use: define<{ name: string; vms: string[] }>({
    status: 409,
    message: (p) => `image ${show(p.name)} is used by ${listed(p.vms)}`,
    remedy: (p) => `Delete the machines first: banger vm delete ${p.vms.join(" ")}`,
    when: "An image cannot be deleted while the disk of a machine is based on it.",
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
  image_recipe_invalid: define<{ path: string; problem: string }>({
    status: 500,
    message: (p) => `the image recipe ${show(p.path)} cannot be used: ${p.problem}`,
    remedy: () => "Install banger again: its files are damaged or incomplete",
    when: "A recipe of a catalog image is missing or does not follow its format (docs/images.md).",
  }),
  root_filesystem_invalid: define<{ entry: string; problem: string }>({
    status: 422,
    message: (p) => `the root file system cannot be made: ${show(p.entry)} ${p.problem}`,
    remedy: () => "The source of the image is malformed; take another one",
    when: "An archive that becomes a root file system is malformed, hostile or too large.",
  }),
};
