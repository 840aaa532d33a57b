import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildEnvironment } from "../../../src/image/debian/environment.ts";

describe("buildEnvironment", () => {
  test("takes nothing over that could change the image", () => {
    const env = {
      PATH: "/usr/bin",
      LD_PRELOAD: "x",
      PERL5LIB: "y",
      TMPDIR: "/tmp",
      LANG: "de_DE",
      APT_CONFIG: "z",
    };
    assert.deepEqual(buildEnvironment(env, "/w", 12), {
      PATH: "/usr/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/bin",
      HOME: "/w",
      LC_ALL: "C.UTF-8",
      TMPDIR: "/w",
      LD_LIBRARY_PATH: "/w/tree/usr/lib/x86_64-linux-gnu/systemd:/w/tree/usr/libexec/sudo",
      BANGER_WORKSPACE: "/w",
      SOURCE_DATE_EPOCH: "12",
    });
  });

  test("passes the proxies on, by the names that apt knows", () => {
    const env = { HTTP_PROXY: "http://a", https_proxy: "http://b", HTTPS_PROXY: "http://c", NO_PROXY: "d" };
    const made = buildEnvironment(env, "/w", 0);
    assert.equal(made.http_proxy, "http://a");
    assert.equal(made.https_proxy, "http://b");
    assert.equal(made.no_proxy, "d");
    assert.equal(made.HTTP_PROXY, undefined);
  });

  test("finds the system's programs without a PATH, and does not look where it is empty", () => {
    const path = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
    assert.equal(buildEnvironment({}, "/w", 0).PATH, path);
    assert.equal(buildEnvironment({ PATH: "::" }, "/w", 0).PATH, path);
  });
});
