export const logSources = ["console", "agent", "all"] as const;
export type LogSource = (typeof logSources)[number];

/** Which part of a machine's logs is asked for. */
export interface LogRequest {
  readonly source: LogSource;
  readonly follow: boolean;
  /** Milliseconds since 1970: nothing older. */
  readonly since?: number | undefined;
  /** Only so many of the last lines. */
  readonly tail?: number | undefined;
}
