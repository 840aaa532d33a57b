/**
 * Where a daemon of the test world can be killed: before everything that it changes outside itself, which is also after everything
 * that came before. From then on nothing that it began comes back to it, as if its process were gone.
 */
export class Crash {
  readonly passed: string[] = [];
  readonly crashed = Promise.withResolvers<string>();
  #at: number | undefined;
  #over = false;

  get over(): boolean {
    return this.#over;
  }

  /** Dies at the nth step from now on, the first being 1. */
  arm(at: number): void {
    this.passed.length = 0;
    this.#at = at;
  }

  /** Dies now. */
  die(): void {
    this.#over = true;
    this.crashed.resolve("killed");
  }

  /** A step. */
  async pass(step: string): Promise<void> {
    if (this.#reached(step)) await new Promise<never>(() => undefined);
  }

  /** A step of what does not wait. */
  passNow(step: string): void {
    if (this.#reached(step)) throw new Error("the daemon is dead");
  }

  /** Where something comes back that is no step by itself. */
  async live(): Promise<void> {
    if (this.#over) await new Promise<never>(() => undefined);
  }

  #reached(step: string): boolean {
    if (this.#over) return true;
    this.passed.push(step);
    if (this.passed.length !== this.#at) return false;
    this.#over = true;
    this.crashed.resolve(step);
    return true;
  }
}

type Method = (...args: unknown[]) => unknown;

/** An object whose methods are steps. Those in `now` do not wait, those in `reads` change nothing, `*` is all. */
export function gated<T extends object>(
  crash: Crash,
  name: string,
  target: T,
  kinds: { now?: readonly string[]; reads?: readonly string[] } = {},
): T {
  const { now = [], reads = [] } = kinds;
  const within = (list: readonly string[], key: string) => list.includes("*") || list.includes(key);
  return new Proxy(target, {
    get(object, symbol) {
      const key = String(symbol);
      const value: unknown = Reflect.get(object, symbol, object);
      if (typeof value !== "function") return value;
      const method = (value as Method).bind(object);
      const step = `${name}.${key}`;
      if (within(now, key)) {
        return (...args: unknown[]) => {
          if (!within(reads, key) || crash.over) crash.passNow(step);
          return method(...args);
        };
      }
      return async (...args: unknown[]) => {
        if (within(reads, key)) await crash.live();
        else await crash.pass(step);
        try {
          return await method(...args);
        } finally {
          await crash.live();
        }
      };
    },
  });
}
