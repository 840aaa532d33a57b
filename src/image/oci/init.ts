type Find = (path: string) => { name: string; type: string; mode: number } | undefined;

/** Where distributions keep it, in the order in which a kernel without instructions would look, and systemd's own places. */
const places = ["/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
/** Boxes of many tools bring an init that expects a configuration which container images lack. */
const boxes = ["busybox", "toybox"];

/** The program of an image that is made to be PID 1; undefined when the agent's own init has to serve. */
export function findInit(find: Find): string | undefined {
  return places.find((path) => {
    const found = find(path);
    return (
      found?.type === "file" && (found.mode & 0o111) !== 0 && !boxes.some((box) => found.name.startsWith(box))
    );
  });
}
