import { fault } from "../../lib/errors/error.ts";

/** An image in a registry. With a digest the tag says nothing. */
export interface OciReference {
  /** `docker.io`, `localhost:5000`. */
  registry: string;
  /** `library/alpine` */
  repository: string;
  tag: string | undefined;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string | undefined;
}

const lengthLimit = 512;
const defaultRegistry = "docker.io";
const hostPattern =
  /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*)(:\d{1,5})?$/;
const componentPattern = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Reads a reference as Docker does: a first part that cannot be a host is a repository of Docker Hub, a name without a tag
 * means `latest`.
 *
 * @throws image_reference_invalid
 */
export function parseReference(text: string): OciReference {
  const refuse = (problem: string): Error => fault("image_reference_invalid", { reference: text, problem });
  if (text.length > lengthLimit) throw refuse(`it has more than ${lengthLimit} characters`);
  const [name = "", digest, ...more] = text.split("@");
  if (more.length > 0) throw refuse('it has more than one "@"');
  if (digest !== undefined && !isDigest(digest)) {
    throw refuse('what follows "@" is not sha256: and 64 hexadecimal digits');
  }
  const { path, tag } = splitTag(name);
  if (tag !== undefined && !tagPattern.test(tag)) throw refuse("its tag is not one");
  const { registry, repository } = splitRegistry(path);
  if (!hostPattern.test(registry)) throw refuse("its registry is not a host");
  if (!repository.split("/").every((part) => componentPattern.test(part))) {
    throw refuse("its repository is not made of lower-case letters and digits with . _ - between them");
  }
  return { registry, repository, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** In full, so that it means the same everywhere. */
export function formatReference({ registry, repository, tag, digest }: OciReference): string {
  const suffix = digest === undefined ? `:${tag}` : `@${digest}`;
  return `${registry}/${repository}${suffix}`;
}

/** Whether a name can only be meant for a registry: a bare word may as well be a misspelt local image. */
export function isExplicitReference(text: string): boolean {
  return /[/:@]/.test(text);
}

export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

function splitTag(name: string): { path: string; tag: string | undefined } {
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return colon === -1
    ? { path: name, tag: undefined }
    : { path: name.slice(0, colon), tag: name.slice(colon + 1) };
}

function splitRegistry(path: string): { registry: string; repository: string } {
  const slash = path.indexOf("/");
  const first = slash === -1 ? "" : path.slice(0, slash);
  const isHost = /[.:[]/.test(first) || first === "localhost";
  const registry = isHost && first !== "index.docker.io" ? first : defaultRegistry;
  const repository = isHost ? path.slice(slash + 1) : path;
  const isOfficial = registry === defaultRegistry && !repository.includes("/");
  return { registry, repository: isOfficial ? `library/${repository}` : repository };
}
