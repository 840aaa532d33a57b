import { constants } from "node:os";

const names = new Map<number, string>(
  // EWOULDBLOCK and EOPNOTSUPP come after EAGAIN and ENOTSUP, whose numbers they share.
  Object.entries(constants.errno)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** Name of a Linux error number, such as ENOENT for 2. */
export function errnoName(number: number): string {
  return names.get(number) ?? `error ${number}`;
}
