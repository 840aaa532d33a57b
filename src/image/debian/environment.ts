const proxies = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];
/** chroot, ldconfig and others live here, and an ordinary user's PATH need not have them. */
const systemPrograms = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** Tells of a process which build it belongs to, also of one that has left the process group, as faked(1) does. */
export const workspaceVariable = "BANGER_WORKSPACE";

/** Link to the tree in the temporary directory, which mmdebstrap(1) gives a name of its own. */
export const treeLink = "tree";

/**
 * Folders of the tree with libraries that only their own package's programs use. These find them by an absolute path in
 * themselves, which leads to the host's folders when the root is a fake one, and those may not exist or hold others.
 */
const privateLibraries = ["usr/lib/x86_64-linux-gnu/systemd", "usr/libexec/sudo"];

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
    LD_LIBRARY_PATH: privateLibraries.map((folder) => `${temporary}/${treeLink}/${folder}`).join(":"),
    [workspaceVariable]: temporary,
    SOURCE_DATE_EPOCH: String(time),
  };
  for (const name of proxies) {
    const value = env[name] || env[name.toUpperCase()];
    if (value) own[name] = value;
  }
  return own;
}
