const steps: readonly (readonly [name: string, seconds: number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago a moment was, in its largest unit: `3 minutes ago`; `just now` below a minute and in the future. */
export function ago(moment: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(moment)) / 1000);
  const step = steps.find(([, size]) => seconds >= size);
  if (!step) return "just now";
  const count = Math.floor(seconds / step[1]);
  return `${count} ${step[0]}${count === 1 ? "" : "s"} ago`;
}

/** A moment with how long ago it was; what has no moment stays without. */
export function moment(time: string | undefined, now: number): string | undefined {
  return time === undefined ? undefined : `${time} (${ago(time, now)})`;
}

/** Milliseconds as a person reads them: `8 ms`, `1.4 s`, `2 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 995) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
