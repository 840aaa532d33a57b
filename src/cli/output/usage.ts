import { formatSize } from "../../lib/size.ts";
import type { VmStats } from "../../model/stats.ts";
import { type Column, table } from "./table.ts";

/** What a machine does in a second, from two looks at it. Absent where either look did not tell. */
export interface Rates {
  /** Processors of the host that its process keeps busy: 0.5 is half of one. */
  hostCpu?: number;
  /** Share of its own processors that is not idle, 0 to 1. */
  guestCpu?: number;
  /** Bytes in a second, over its network card and the channel together. */
  received?: number;
  sent?: number;
}

export type Usage = VmStats & { rates: Rates };

export const sortKeys = { c: "cpu", m: "memory", d: "disk", n: "name" } as const;
export type SortKey = (typeof sortKeys)[keyof typeof sortKeys];

const columns: readonly Column[] = [
  { title: "NAME", shrinks: true },
  { title: "STATE" },
  { title: "HOST CPU", align: "right" },
  { title: "GUEST CPU", align: "right" },
  { title: "GUEST MEMORY", align: "right" },
  { title: "PRIVATE", align: "right" },
  { title: "SHARED", align: "right" },
  { title: "DISK", align: "right" },
  { title: "NET IN", align: "right" },
  { title: "NET OUT", align: "right" },
];

/** What happened between two looks. A machine that was not there before, or was restarted since, has no rates. */
export function usageBetween(before: readonly VmStats[], after: readonly VmStats[]): Usage[] {
  const earlier = new Map(before.map((stats) => [stats.id, stats]));
  return after.map((now) => ({ ...now, rates: ratesBetween(earlier.get(now.id), now) }));
}

function ratesBetween(before: VmStats | undefined, after: VmStats): Rates {
  if (!before) return {};
  const elapsed = after.at - before.at;
  const per = (one: number | undefined, other: number | undefined, time: number): number | undefined => {
    if (one === undefined || other === undefined || other < one || time <= 0) return undefined;
    return (other - one) / time;
  };
  const guestTime = (after.guest?.cpu?.total ?? 0) - (before.guest?.cpu?.total ?? 0);
  const rates: Record<keyof Rates, number | undefined> = {
    hostCpu: per(before.host?.cpu, after.host?.cpu, elapsed),
    guestCpu: per(before.guest?.cpu?.busy, after.guest?.cpu?.busy, guestTime),
    received: per(carried(before, "received"), carried(after, "received"), elapsed / 1000),
    sent: per(carried(before, "sent"), carried(after, "sent"), elapsed / 1000),
  };
  return Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate !== undefined));
}

/** Bytes over the network card and the channel together. */
function carried({ guest, channel }: VmStats, way: "received" | "sent"): number | undefined {
  return channel && channel[way] + (guest?.network?.[way] ?? 0);
}

/** The busiest first, or by name; those that are equal by name. */
export function sortUsage(usage: readonly Usage[], by: SortKey): Usage[] {
  const weight = ({ rates, host, disk }: Usage): number => {
    if (by === "cpu") return rates.hostCpu ?? -1;
    if (by === "memory") return host?.memory?.private ?? -1;
    return by === "disk" ? (disk?.allocated ?? -1) : 0;
  };
  return [...usage].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}

export function usageTable(usage: readonly Usage[], width: number | undefined): string {
  return table(columns, usage.map(row), width);
}

function row({ name, state, rates, host, guest, disk }: Usage): string[] {
  return [
    name,
    state,
    percent(rates.hostCpu),
    percent(rates.guestCpu),
    guest?.memory ? `${formatSize(guest.memory.used)} / ${formatSize(guest.memory.total)}` : "-",
    size(host?.memory?.private),
    size(host?.memory?.shared),
    size(disk?.allocated),
    rate(rates.received),
    rate(rates.sent),
  ];
}

function percent(share: number | undefined): string {
  return share === undefined ? "-" : `${(share * 100).toFixed(1)} %`;
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? "-" : formatSize(bytes);
}

function rate(bytes: number | undefined): string {
  return bytes === undefined ? "-" : `${formatSize(Math.round(bytes))}/s`;
}
