export interface ErrorDefinition<Params> {
  /** Exit status of the CLI. */
  readonly exit: (params: Params) => number;
  /** HTTP status of the API's problem document. */
  readonly status: number;
  /** One sentence without a full stop, with the offending value in it. */
  readonly message: (params: Params) => string;
  /** What to do about it: an imperative sentence without a full stop. */
  readonly remedy: (params: Params) => string;
  /** What docs/errors.md says about when this happens. */
  readonly when: string;
}

interface Shape<Params> {
  exit?: number | ((params: Params) => number);
  status?: number;
  message: (params: Params) => string;
  remedy: (params: Params) => string;
  when: string;
}

/** Declares one row of the error table. Exit status 1 and HTTP status 500 unless said otherwise. */
export function define<Params>(shape: Shape<Params>): ErrorDefinition<Params> {
  const { exit = 1, status = 500, ...texts } = shape;
  return { ...texts, status, exit: typeof exit === "function" ? exit : () => exit };
}

/** A value as it is shown inside a message: quoted, control characters escaped, cut at 200 characters. */
export function show(value: unknown): string {
  const text = JSON.stringify(typeof value === "string" ? value : String(value));
  return text.length > 202 ? `${text.slice(0, 200)}…"` : text;
}

/** "a, b and c", or the given word when there is nothing to list. */
export function listed(values: readonly string[], none = "none"): string {
  if (values.length === 0) return none;
  if (values.length === 1) return values[0] as string;
  return `${values.slice(0, -1).join(", ")} and ${values.at(-1)}`;
}
