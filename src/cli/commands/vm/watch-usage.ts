import type { Banger } from "../../../client/banger.ts";
import { sleep } from "../../../lib/deadline.ts";
import { isFault } from "../../../lib/errors/error.ts";
import { formatSize } from "../../../lib/size.ts";
import type { VmStats } from "../../../model/stats.ts";
import { liveScreen } from "../../output/live-screen.ts";
import { styleFor } from "../../output/style.ts";
import {
  type SortKey,
  sortKeys,
  sortUsage,
  type Usage,
  usageBetween,
  usageTable,
} from "../../output/usage.ts";
import { cut } from "../../output/width.ts";
import type { World } from "../../world.ts";

/** Milliseconds between the two looks that a single answer needs: no rate comes from one. */
export const shortest = 500;

/** Looks at machines; `wanted` says which of all. */
export type Look = () => Promise<VmStats[]>;

export function lookAt(banger: Banger, wanted: (stats: VmStats) => boolean): Look {
  return async () => (await banger.vms.stats()).filter(wanted);
}

/** What they take now. @throws interrupted */
export async function usageNow(look: Look, signal: AbortSignal): Promise<Usage[]> {
  const before = await look();
  await sleep(shortest, signal);
  return usageBetween(before, await look());
}

/** Gives what they take each `interval` milliseconds, the first time as soon as rates are known, until the signal aborts. */
export async function* watchUsage(
  look: Look,
  interval: number,
  signal: AbortSignal,
): AsyncGenerator<Usage[]> {
  try {
    let before = await look();
    for (let pause = shortest; ; pause = interval) {
      await sleep(pause, signal);
      const after = await look();
      yield usageBetween(before, after);
      before = after;
    }
  } catch (error) {
    if (!signal.aborted || !isFault(error)) throw error;
  }
}

/** On the whole terminal, until q or a signal. */
export async function usageScreen(world: World, look: Look, interval: number): Promise<void> {
  const screen = new UsageScreen(world);
  await liveScreen(world, screen, async (signal, redraw) => {
    redraw();
    for await (const usage of watchUsage(look, interval, signal)) {
      screen.usage = usage;
      redraw();
    }
  });
}

class UsageScreen {
  usage: Usage[] | undefined;
  #sort: SortKey = "cpu";
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  press(key: string): boolean {
    if (key === "q" || key === "Q") return false;
    this.#sort = (sortKeys as Record<string, SortKey>)[key.toLowerCase()] ?? this.#sort;
    return true;
  }

  draw(columns: number, rows: number): string[] {
    const style = styleFor(this.#world.stdout, this.#world.env);
    const help = `sorted by ${this.#sort} · c cpu · m memory · d disk · n name · q quit`;
    if (!this.usage) return [cut("looking …", columns)];
    const [titles = "", ...lines] = usageTable(sortUsage(this.usage, this.#sort), columns)
      .trimEnd()
      .split("\n");
    const room = Math.max(0, rows - 4);
    return [
      style.bold(cut(summary(this.usage), columns)),
      style.dim(cut(help, columns)),
      "",
      style.bold(cut(titles, columns)),
      ...lines.slice(0, room).map((line) => cut(line, columns)),
    ];
  }
}

function summary(usage: readonly Usage[]): string {
  const running = usage.filter(({ state }) => state === "running").length;
  const cpu = usage.reduce((sum, { rates }) => sum + (rates.hostCpu ?? 0), 0);
  const memory = usage.reduce((sum, { host }) => sum + (host?.memory?.proportional ?? 0), 0);
  const machines = `${usage.length} ${usage.length === 1 ? "machine" : "machines"}, ${running} running`;
  return `${machines} · ${(cpu * 100).toFixed(0)} % of a processor · ${formatSize(memory)} memory of the host`;
}
