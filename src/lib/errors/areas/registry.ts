import { define, listed, show } from "../define.ts";

/** Registries of OCI images, and what they hold. */
export const registryErrors = {
  image_reference_invalid: define<{ reference: string; problem: string }>({
    exit: 2,
    status: 400,
    message: (p) => `${show(p.reference)} is not an image reference: ${p.problem}`,
    remedy: () => "Write it as registry/repository:tag, such as docker.io/library/alpine:3.20",
    when: "The name of an image in a registry does not follow the grammar of references.",
  }),
  registry_unreachable: define<{ registry: string; reason: string }>({
    status: 502,
    message: (p) => `the registry ${show(p.registry)} cannot be used: ${p.reason}`,
    remedy: () => "Check the network and the proxy variables; a registry without TLS needs --insecure",
    when: "A registry, or the server that it sends its clients to, does not answer or answers with an error.",
  }),
  registry_denied: define<{ registry: string; repository: string; reason: string }>({
    status: 403,
    message: (p) => `the registry ${show(p.registry)} does not give out ${show(p.repository)}: ${p.reason}`,
    remedy: (p) => `Check the name; for a private image log in: docker login ${p.registry}`,
    when: "The registry wants a login, refuses the one it was given, or hides what it does not have.",
  }),
  registry_not_found: define<{ registry: string; what: string }>({
    status: 404,
    message: (p) => `the registry ${show(p.registry)} has no ${show(p.what)}`,
    remedy: () => "Check the repository and the tag or digest",
    when: "The registry answers that it has no such image, or lacks a part of one.",
  }),
  registry_invalid: define<{ reference: string; problem: string }>({
    status: 502,
    message: (p) => `the image ${show(p.reference)} cannot be used: ${p.problem}`,
    remedy: () => "Try again; if it stays, have the image pushed anew, or take another one",
    when: "What a registry serves is not an image, is damaged, or uses a format that banger does not know.",
  }),
  registry_bad_digest: define<{ reference: string; expected: string; actual: string }>({
    status: 502,
    message: (p) =>
      `a part of the image ${show(p.reference)} has the digest ${p.actual}, expected ${p.expected}`,
    remedy: () => "Try again; if it stays, the registry or something on the way to it changes the data",
    when: "Bytes from a registry differ from what their digest says.",
  }),
  registry_credentials: define<{ registry: string; problem: string }>({
    status: 500,
    message: (p) => `the login for the registry ${show(p.registry)} cannot be read: ${p.problem}`,
    remedy: () => "Correct the config.json of Docker, or log in again with docker login",
    when: "Docker's config.json is damaged, or the credential helper that it names fails.",
  }),
  image_platform_missing: define<{ reference: string; platform: string; available: string[] }>({
    status: 404,
    message: (p) =>
      `the image ${show(p.reference)} has no variant for ${p.platform}; on offer: ${listed(p.available)}`,
    remedy: (p) => `Take an image that is made for ${p.platform}`,
    when: "An image in a registry is made for other platforms than the one that was asked for.",
  }),
  image_too_large: define<{ reference: string; what: string; limit: string }>({
    status: 422,
    message: (p) => `the image ${show(p.reference)} has ${p.what} over the limit of ${p.limit}`,
    remedy: () => "Do not use this image unless you trust its maker; its size is not plausible",
    when: "The layers of an image have more entries or bytes than anything that is meant well.",
  }),
};
