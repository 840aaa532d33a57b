import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Where banger keeps things, by the XDG Base Directory Specification. */
export interface Paths {
  config: string;
  state: string;
  database: string;
  vms: string;
  images: string;
  kernels: string;
  templates: string;
  /** What ssh needs to reach machines. */
  ssh: string;
  log: string;
  cache: string;
  downloads: string;
  /** Sockets and locks: 0700, ours, checked by `prepareRuntimeDirectory`. */
  runtime: string;
  socket: string;
  lock: string;
}

export function resolvePaths(env: NodeJS.ProcessEnv = process.env): Paths {
  const home = env.HOME || homedir();
  const state = join(env.XDG_STATE_HOME || join(home, ".local", "state"), "banger");
  const cache = join(env.XDG_CACHE_HOME || join(home, ".cache"), "banger");
  const runtime = env.XDG_RUNTIME_DIR
    ? join(env.XDG_RUNTIME_DIR, "banger")
    : `/tmp/banger-runtime-${process.getuid?.() ?? 0}`;
  return {
    config: join(env.XDG_CONFIG_HOME || join(home, ".config"), "banger", "config.toml"),
    state,
    database: join(state, "state.db"),
    vms: join(state, "vms"),
    images: join(state, "images"),
    kernels: join(state, "kernels"),
    templates: join(state, "templates"),
    ssh: join(state, "ssh"),
    log: join(state, "daemon.log"),
    cache,
    downloads: join(cache, "downloads"),
    runtime,
    socket: join(runtime, "daemon.sock"),
    lock: join(runtime, "daemon.lock"),
  };
}

/** The folder of the package: the nearest one above this module that holds package.json. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
