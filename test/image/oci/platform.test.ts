import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ImageIndex, Platform } from "../../../src/image/oci/manifest.ts";
import {
  checkPlatform,
  choosePlatform,
  formatPlatform,
  parsePlatform,
} from "../../../src/image/oci/platform.ts";
import { throwsWith } from "../../support/faults.ts";

const amd64 = { os: "linux", architecture: "amd64" };

function index(...platforms: (string | undefined)[]): ImageIndex {
  return {
    manifests: platforms.map((text, at) => {
      const [os = "", architecture = "", variant] = (text ?? "").split("/");
      const platform: Platform = { os, architecture, ...(variant ? { variant } : {}) };
      const digest = `sha256:${String(at).repeat(64)}`;
      return { mediaType: "", digest, size: 1, ...(text === undefined ? {} : { platform }) };
    }),
  };
}

function chosen(from: ImageIndex, wanted: Platform): number {
  return Number(choosePlatform(from, wanted, "it").digest.at(-1));
}

describe("a platform", () => {
  test("is read as it is written", () => {
    for (const text of ["linux/amd64", "linux/386", "linux/amd64/v3"]) {
      assert.equal(formatPlatform(parsePlatform(text)), text);
    }
  });

  test("that is none is refused", () => {
    for (const text of ["", "amd64", "linux/", "linux/amd64/v1/x", "linux/AMD64"]) {
      const message = `the platform is ${JSON.stringify(text)}, expected one such as linux/amd64`;
      throwsWith(() => parsePlatform(text), "invalid_value", message);
    }
  });

  test("that machines here do not run is refused", () => {
    const message =
      "an image for linux/arm64 is not supported here: the machines of this host run linux/amd64";
    throwsWith(() => parsePlatform("linux/arm64"), "unsupported_here", message);
    throwsWith(() => parsePlatform("windows/amd64"), "unsupported_here");
  });
});

describe("the choice from an index", () => {
  test("takes the wanted platform", () => {
    assert.equal(chosen(index("linux/arm64", "linux/amd64", "linux/386"), amd64), 1);
    assert.equal(chosen(index("linux/arm64", "linux/amd64", "linux/386"), parsePlatform("linux/386")), 2);
  });

  test("takes the plain variant before one that asks for more of the processor", () => {
    assert.equal(chosen(index("linux/amd64/v3", "linux/amd64"), amd64), 1);
    assert.equal(chosen(index("linux/amd64/v3", "linux/amd64/v1"), amd64), 1);
    assert.equal(chosen(index("linux/amd64/v3"), amd64), 0);
  });

  test("takes a variant that was asked for", () => {
    assert.equal(chosen(index("linux/amd64", "linux/amd64/v3"), parsePlatform("linux/amd64/v3")), 1);
  });

  test("names what is on offer, and not what is no image", () => {
    throwsWith(
      () =>
        choosePlatform(index("linux/arm64/v8", "linux/arm/v7", "unknown/unknown", undefined), amd64, "it"),
      "image_platform_missing",
      'the image "it" has no variant for linux/amd64; on offer: linux/arm/v7 and linux/arm64/v8',
    );
    throwsWith(() => choosePlatform(index(), amd64, "it"), "image_platform_missing", /on offer: none$/);
  });
});

describe("an image that is not of an index", () => {
  test("has to be for the platform, as far as it says", () => {
    checkPlatform(amd64, amd64, "it");
    checkPlatform({ ...amd64, variant: "v1" }, amd64, "it");
    checkPlatform({}, amd64, "it");
    checkPlatform({ os: "", architecture: "" }, amd64, "it");
    throwsWith(
      () => checkPlatform({ os: "linux", architecture: "arm64" }, amd64, "it"),
      "image_platform_missing",
      'the image "it" has no variant for linux/amd64; on offer: linux/arm64',
    );
  });
});
