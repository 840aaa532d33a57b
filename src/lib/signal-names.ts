import { constants } from "node:os";

/** The name of a signal without SIG, such as TERM; the number itself where it has none. */
export function signalName(number: number): string {
  const name = Object.entries(constants.signals).find(([, one]) => one === number)?.[0];
  return name?.slice("SIG".length) ?? String(number);
}

/** The number of a signal by its name without SIG. */
export function signalNumber(name: string): number | undefined {
  return constants.signals[`SIG${name}` as NodeJS.Signals];
}
