const proxies = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];
/** chroot, ldconfig and others live here, and an ordinary user's PATH need not have them. */
const systemPrograms = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** Tells of a process which build it belongs to, also of one that has left the process group, as faked(1) does. */
export const workspaceVariable = "BANGER_WORKSPACE";

/**
 * The environment of a build: nothing of the user's own but the proxies, so that it cannot leak into the image or change
 * it. apt knows the lower-case names only.
 *
 * @param time seconds since the epoch: nothing in the image is newer
 * @param temporary directory for the tree
 */
export function buildEnvironment(env: NodeJS.ProcessEnv, temporary: string, time: number): NodeJS.ProcessEnv {
  const path = [...(env.PATH ?? "").split(":").filter((folder) => folder !== ""), ...systemPrograms];
  const own: NodeJS.ProcessEnv = {
    PATH: [...new Set(path)].join(":"),
    HOME: temporary,
    LC_ALL: "C.UTF-8",
    TMPDIR: temporary,
    [workspaceVariable]: temporary,
    SOURCE_DATE_EPOCH: String(time),
  };
  for (const name of proxies) {
    const value = env[name] || env[name.toUpperCase()];
    if (value) own[name] = value;
  }
  return own;
}
