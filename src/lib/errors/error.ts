import type { ErrorDefinition } from "./define.ts";
import { errorTable } from "./table.ts";

export type ErrorTable = typeof errorTable;
export type ErrorCode = keyof ErrorTable;
export type ErrorParams<Code extends ErrorCode> =
  ErrorTable[Code] extends ErrorDefinition<infer Params> ? Params : never;

/** The shape that crosses the API (RFC 9457) and that `--json` prints. */
export interface Problem {
  code: ErrorCode;
  message: string;
  remedy: string;
  exit: number;
  doc: string;
  causes: string[];
}

/** The only error that leaves a layer: a row of the table, filled in. */
export class BangerError extends Error {
  override readonly name = "BangerError";
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly exit: number;
  readonly status: number;
  readonly params: unknown;
  /** Messages of the causes, outermost first; kept apart so that they survive the API. */
  readonly causes: readonly string[];

  constructor(problem: Problem, status: number, params: unknown, cause?: unknown) {
    super(problem.message, cause === undefined ? undefined : { cause });
    this.code = problem.code;
    this.remedy = problem.remedy;
    this.exit = problem.exit;
    this.status = status;
    this.params = params;
    this.causes = problem.causes;
  }

  toProblem(): Problem {
    return {
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      exit: this.exit,
      doc: documentOf(this.code),
      causes: [...this.causes],
    };
  }
}

/** Makes the error of a row. Use as `throw fault("image_not_found", { name, available }, cause)`. */
export function fault<Code extends ErrorCode>(
  code: Code,
  params: ErrorParams<Code>,
  cause?: unknown,
): BangerError {
  const row = errorTable[code] as ErrorDefinition<ErrorParams<Code>>;
  const problem: Problem = {
    code,
    message: row.message(params),
    remedy: row.remedy(params),
    exit: row.exit(params),
    doc: documentOf(code),
    causes: causesOf(cause),
  };
  return new BangerError(problem, row.status, params, cause);
}

/** The error that a daemon sent, made again on this side of the socket. */
export function fromProblem(problem: Problem, status: number): BangerError {
  return new BangerError(problem, status, undefined);
}

export function isFault<Code extends ErrorCode>(error: unknown, ...codes: Code[]): error is BangerError {
  return error instanceof BangerError && (codes.length === 0 || codes.includes(error.code as Code));
}

/** Any thrown thing as a BangerError: itself, or `internal` with it as the cause. */
export function asFault(error: unknown): BangerError {
  if (error instanceof BangerError) return error;
  return fault("internal", { detail: messageOf(error) }, error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error, such as ENOENT; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

function documentOf(code: ErrorCode): string {
  return `docs/errors.md#${code}`;
}

function causesOf(cause: unknown): string[] {
  const messages: string[] = [];
  for (let at = cause; at !== undefined && at !== null && messages.length < 8; ) {
    messages.push(messageOf(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return messages;
}
