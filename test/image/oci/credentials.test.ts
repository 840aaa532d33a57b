import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Credentials, findCredentials } from "../../../src/image/oci/credentials.ts";
import { rejectsWith } from "../../support/faults.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const { signal } = new AbortController();
const auth = (text: string): string => Buffer.from(text).toString("base64");

interface Docker {
  directory: string;
  find(registry: string): Promise<Credentials | undefined>;
}

/** A directory with Docker's configuration and its helpers. */
function docker(
  t: TestContext,
  config: object | string | undefined,
  helpers: Record<string, string> = {},
): Docker {
  const directory = temporaryDirectory(t);
  const text = typeof config === "string" ? config : JSON.stringify(config);
  if (config !== undefined) writeFileSync(join(directory, "config.json"), text);
  for (const [name, script] of Object.entries(helpers)) {
    const path = join(directory, `docker-credential-${name}`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  const env = { DOCKER_CONFIG: directory, PATH: `${directory}:${process.env.PATH}` };
  return { directory, find: (registry) => findCredentials(registry, env, signal) };
}

describe("the login for a registry", () => {
  test("is none without a configuration, or for another registry", async (t) => {
    assert.equal(await docker(t, undefined).find("reg.io"), undefined);
    const { find } = docker(t, { auths: { "other.io": { auth: auth("a:b") } } });
    assert.equal(await find("reg.io"), undefined);
  });

  test("is what the file has for its host", async (t) => {
    const { find } = docker(t, {
      auths: {
        "reg.io:5000": { auth: auth("ada:pass:word") },
        "https://web.io/v2/": { username: "u", password: "p" },
      },
    });
    assert.deepEqual(await find("reg.io:5000"), { username: "ada", password: "pass:word" });
    assert.deepEqual(await find("web.io"), { username: "u", password: "p" });
    assert.equal(await find("reg.io"), undefined);
  });

  test("of Docker Hub is found under the address that Docker files it under", async (t) => {
    const { find } = docker(t, { auths: { "https://index.docker.io/v1/": { auth: auth("hub:secret") } } });
    assert.deepEqual(await find("docker.io"), { username: "hub", password: "secret" });
  });

  test("may be a token", async (t) => {
    const { find } = docker(t, { auths: { "reg.io": { auth: auth("0:"), identitytoken: "abc" } } });
    assert.deepEqual(await find("reg.io"), { identityToken: "abc" });
  });

  test("comes from the registry's helper, which is told the registry", async (t) => {
    const answer = `read host; echo "{\\"ServerURL\\":\\"x\\",\\"Username\\":\\"for $host\\",\\"Secret\\":\\"s\\"}"`;
    const { find } = docker(
      t,
      { credHelpers: { "reg.io": "one" }, credsStore: "two", auths: { "reg.io": { auth: auth("a:b") } } },
      { one: `[ "$1" = get ] || exit 3\n${answer}`, two: "exit 9" },
    );
    assert.deepEqual(await find("reg.io"), { username: "for reg.io", password: "s" });
  });

  test("comes from the common helper, also as a token", async (t) => {
    const { find } = docker(t, { credsStore: "all" }, { all: `echo '{"Username":"<token>","Secret":"t"}'` });
    assert.deepEqual(await find("reg.io"), { identityToken: "t" });
  });

  test("is the file's when the helper has none", async (t) => {
    const { find } = docker(
      t,
      { credsStore: "all", auths: { "reg.io": { auth: auth("a:b") } } },
      { all: "echo credentials not found in native keychain; exit 1" },
    );
    assert.deepEqual(await find("reg.io"), { username: "a", password: "b" });
  });

  test("that a helper fails to give is an error with its words", async (t) => {
    const { find } = docker(t, { credsStore: "all" }, { all: "echo keychain is locked; exit 1" });
    await rejectsWith(
      find("reg.io"),
      "registry_credentials",
      'the login for the registry "reg.io" cannot be read: docker-credential-all says keychain is locked',
    );
  });

  test("that a helper garbles is an error that does not repeat it", async (t) => {
    const { find } = docker(t, { credsStore: "all" }, { all: "echo hunter2" });
    const error = await rejectsWith(find("reg.io"), "registry_credentials", /something else than a login$/);
    assert.doesNotMatch(JSON.stringify(error.toProblem()), /hunter2/);
  });

  test("of a helper that is not installed says which", async (t) => {
    const { find } = docker(t, { credsStore: "absent" });
    await rejectsWith(find("reg.io"), "registry_credentials", /"docker-credential-absent" was not found$/);
    const hostile = docker(t, { credsStore: "../x" });
    await rejectsWith(
      hostile.find("reg.io"),
      "registry_credentials",
      /docker-credential-..\/x is no program's name$/,
    );
  });

  test("in a file that is not Docker's is an error that does not repeat it", async (t) => {
    const { find, directory } = docker(t, '{"auths": hunter2');
    const error = await rejectsWith(
      find("reg.io"),
      "registry_credentials",
      `the login for the registry "reg.io" cannot be read: ${directory}/config.json: it is not of Docker's format`,
    );
    assert.doesNotMatch(JSON.stringify(error.toProblem()), /hunter2/);
    const nameless = docker(t, { auths: { "reg.io": { auth: auth("nobody") } } });
    await rejectsWith(nameless.find("reg.io"), "registry_credentials", /its auth has no user name$/);
  });
});
