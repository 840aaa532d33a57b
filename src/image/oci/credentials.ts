import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf, fault, isFault, messageOf } from "../../lib/errors/error.ts";
import { run } from "../../lib/process.ts";

/** A login: name and password, or a token that the registry's token server takes instead. */
export type Credentials = { username: string; password: string } | { identityToken: string };

const loginSchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const configSchema = z.object({
  auths: z.record(z.string(), loginSchema).default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

/** What Docker files the login for Docker Hub under. */
const dockerHubKey = "https://index.docker.io/v1/";
/** The user name of an answer whose secret is an identity token (docker-credential-helpers). */
const tokenUser = "<token>";
const helperTimeout = 30_000;

/**
 * The login for a registry as `docker login` has left it: from the helper for that registry, else from the common one, else from
 * the file itself.
 *
 * @throws registry_credentials, interrupted
 */
export async function findCredentials(
  registry: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await readConfig(registry, env);
  if (!config) return undefined;
  const key = registry === "docker.io" ? dockerHubKey : registry;
  const helper = config.credHelpers[key] ?? config.credHelpers[registry] ?? config.credsStore;
  const helped = helper === undefined ? undefined : await askHelper(helper, key, registry, env, signal);
  if (helped) return helped;
  const found = Object.entries(config.auths).find(([name]) => hostOf(name) === hostOf(key));
  return found ? loginOf(found[1], registry) : undefined;
}

async function readConfig(
  registry: string,
  env: NodeJS.ProcessEnv,
): Promise<z.output<typeof configSchema> | undefined> {
  const path = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker"), "config.json");
  try {
    return configSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    // Its text may hold a password, and messages of parsers quote what they stumble over.
    const reason = errnoOf(error) ?? "it is not of Docker's format";
    throw fault("registry_credentials", { registry, problem: `${path}: ${reason}` });
  }
}

function loginOf(login: z.output<typeof loginSchema>, registry: string): Credentials | undefined {
  if (login.identitytoken) return { identityToken: login.identitytoken };
  if (login.username !== undefined && login.password !== undefined) {
    return { username: login.username, password: login.password };
  }
  if (!login.auth) return undefined;
  const text = Buffer.from(login.auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) throw fault("registry_credentials", { registry, problem: "its auth has no user name" });
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

/** Docker's protocol: the server's name on standard input, JSON on standard output. */
async function askHelper(
  helper: string,
  key: string,
  registry: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper)) {
    throw fault("registry_credentials", { registry, problem: `${program} is no program's name` });
  }
  try {
    const options = { signal, env, timeout: helperTimeout, input: key, accept: [0, 1] };
    const { status, stdout } = await run(program, ["get"], options);
    // Helpers end with 1 for "not found", and say so on standard output.
    if (status === 1 && /not found/i.test(stdout)) return undefined;
    if (status === 1) {
      throw fault("registry_credentials", {
        registry,
        problem: `${program} says ${stdout.trim().slice(0, 200)}`,
      });
    }
    const { Username, Secret } = answerSchema.parse(JSON.parse(stdout));
    return Username === tokenUser ? { identityToken: Secret } : { username: Username, password: Secret };
  } catch (error) {
    if (isFault(error, "interrupted", "registry_credentials")) throw error;
    // What a helper printed is a secret even when it is malformed.
    const problem = isFault(error) ? messageOf(error) : `${program} answers with something else than a login`;
    throw fault("registry_credentials", { registry, problem }, isFault(error) ? error : undefined);
  }
}

/** Keys of the file are hosts, or addresses with them. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
