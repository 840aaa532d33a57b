import assert from "node:assert/strict";
import { BangerError, type ErrorCode } from "../../src/lib/errors/error.ts";

/** Waits for a rejection and gives the error, which must be of ours with that code and, if given, that message. */
export async function rejectsWith(
  promise: Promise<unknown> | (() => Promise<unknown>),
  code: ErrorCode,
  message?: string | RegExp,
): Promise<BangerError> {
  let caught: unknown;
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    caught = error;
  }
  return check(caught, code, message);
}

/** The same for a function that throws at once. */
export function throwsWith(work: () => unknown, code: ErrorCode, message?: string | RegExp): BangerError {
  let caught: unknown;
  try {
    work();
  } catch (error) {
    caught = error;
  }
  return check(caught, code, message);
}

function check(caught: unknown, code: ErrorCode, message: string | RegExp | undefined): BangerError {
  assert.ok(caught instanceof BangerError, `expected ${code}, got ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  if (typeof message === "string") assert.equal(caught.message, message);
  if (message instanceof RegExp) assert.match(caught.message, message);
  return caught;
}
