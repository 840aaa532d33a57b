/** How mmdebstrap becomes root in the tree that it builds. */
export type BuildMode = "fakechroot" | "root" | "unshare";

/**
 * `fakechroot` wherever it can work: it needs no privilege, and so everybody's image is made in the same way. It loads a
 * library of the host into the programs of the tree, so the host's C library must not be newer than the tree's; then
 * it is real root, or the user's own name space, which needs /etc/subuid.
 *
 * @param host version of the host's C library, such as "2.36"; undefined if it has another one
 */
export function chooseMode(host: string | undefined, tree: string, uid: number): BuildMode {
  if (host !== undefined && !isNewer(host, tree)) return "fakechroot";
  return uid === 0 ? "root" : "unshare";
}

/** Version of the C library that this process runs on; undefined if it is not glibc. */
export function hostLibc(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

function isNewer(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA === majorB ? minorA > minorB : majorA > majorB;
}
