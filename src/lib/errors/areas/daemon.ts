import { define, show } from "../define.ts";

/** The daemon, its database and its socket. */
export const daemonErrors = {
  daemon_unreachable: define<{ socket: string; reason: string }>({
    status: 503,
    message: (p) => `the daemon does not answer at ${show(p.socket)}: ${p.reason}`,
    remedy: () => "See `banger daemon logs`; `banger daemon stop` ends a stuck one",
    when: "The daemon could not be started, or does not answer.",
  }),
  daemon_not_running: define<{ socket: string }>({
    status: 503,
    message: (p) => `no daemon is running at ${show(p.socket)}`,
    remedy: () => "Nothing to do: the next command starts it",
    when: "`daemon status` or `daemon stop` found no daemon.",
  }),
  daemon_other_build: define<{ daemon: string; client: string }>({
    status: 409,
    message: (p) => `the daemon is build ${p.daemon}, the client is build ${p.client}`,
    remedy: () => "Run the command again; the banger command replaces the daemon by itself",
    when: "A client that insists on its own build met a daemon of another one. The command line then replaces the daemon.",
  }),
  database_newer: define<{ path: string; version: number; known: number }>({
    status: 500,
    message: (p) =>
      `the database ${show(p.path)} has schema ${p.version}, this banger knows up to ${p.known}`,
    remedy: () => "Use the newer banger that wrote it; the file was not touched",
    when: "A newer banger has used this state directory.",
  }),
  database_corrupt: define<{ path: string; problem: string }>({
    status: 500,
    message: (p) => `the database ${show(p.path)} is damaged: ${p.problem}`,
    remedy: (p) => `Restore it, or move it away to start anew: mv ${p.path} ${p.path}.damaged`,
    when: "state.db is not an SQLite database of ours, or fails its integrity check.",
  }),
  operation_not_found: define<{ id: string }>({
    status: 404,
    message: (p) => `operation ${show(p.id)} not found`,
    remedy: () => "Operations are forgotten some time after they end; see GET /v1/operations",
    when: "An operation's id is unknown to the daemon.",
  }),
  route_not_found: define<{ method: string; path: string }>({
    status: 404,
    message: (p) => `there is no ${p.method} ${show(p.path)}`,
    remedy: () => "docs/openapi.json lists every route",
    when: "A request names a path that the API does not have.",
  }),
};
