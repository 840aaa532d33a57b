import { refusal } from "./answers.ts";
import { unreadable } from "./bodies.ts";
import { actionStates, type Call, calls, type State } from "./calls.ts";
import { checkFields, checkRules, checkShape } from "./check-value.ts";
import { atLeast, type Version } from "./shape.ts";

/** Where Firecracker is when a request reaches it. */
export interface Circumstances {
  readonly version: Version;
  readonly state: State;
  /** A call was accepted that decides what the machine is. */
  readonly configured: boolean;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  /** As parsed from JSON; undefined when there was none. */
  readonly body?: unknown;
}

/** A refusal as Firecracker words it. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** The call that a request is, and why Firecracker would refuse it, if the contract tells. What it says of files and devices is not in it. */
export function checkRequest(
  request: Request,
  { version, state, configured }: Circumstances,
): { call: Call } | Refusal {
  const call = calls.find((known) => matches(known, request));
  if (!call || (call.since && !atLeast(version, call.since))) return unknownCall(request);
  const form = checkForm(request, call, version);
  if (form) return { status: 400, message: form };
  const place = checkState(request, call, state);
  if (place) return { status: 400, message: place };
  if (call.path === "/snapshot/load" && configured) {
    const message =
      "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.";
    return { status: 400, message };
  }
  return { call };
}

/** What is wrong with an answer, if anything. */
export function checkAnswer(
  call: Call,
  answer: { status: number; body?: unknown },
  version: Version,
): string | undefined {
  const { status, body } = answer;
  if (status === 204)
    return call.answer || body !== undefined ? "204 is for calls without an answer" : undefined;
  if (status === 200) {
    return call.answer ? checkShape(body, call.answer, version) : "200 is for calls with an answer";
  }
  return status >= 400 ? checkShape(body, refusal, version) : `status ${status}`;
}

function matches(call: Call, { method, path }: Request): boolean {
  return call.method === method && idOf(call, path) !== undefined;
}

/** What stands in a request's path where the call's has braces; empty for a call without any; undefined when it is another path. */
function idOf(call: Call, path: string): string | undefined {
  const [start = "", rest] = call.path.split("{");
  if (rest === undefined) return path === start ? "" : undefined;
  return path.startsWith(start) && !path.slice(start.length).includes("/")
    ? path.slice(start.length)
    : undefined;
}

function unknownCall({ method, path, body }: Request): Refusal {
  if (method === "GET" && body !== undefined) {
    return { status: 400, message: "GET request cannot have a body." };
  }
  return {
    status: 400,
    message: `Invalid request method and/or path: ${method} ${path.replace(/^\//, "")}.`,
  };
}

function checkForm({ method, path, body }: Request, call: Call, version: Version): string | undefined {
  if (!call.body) return body === undefined ? undefined : "GET request cannot have a body.";
  if (body === undefined) return `Empty ${method} request.`;
  const problem = checkFields(body, call.body, version);
  if (problem) return `${unreadable}: ${problem}.`;
  return checkId(call, path, body as Record<string, unknown>) ?? checkRules(body, call.body);
}

function checkId(call: Call, path: string, body: Record<string, unknown>): string | undefined {
  const name = /\{(\w+)\}/.exec(call.path)?.[1];
  if (name === undefined) return undefined;
  const id = idOf(call, path) ?? "";
  if (id === "") return "The ID cannot be empty.";
  if (!/^\w+$/.test(id)) {
    return "API Resource IDs can only contain alphanumeric characters and underscores.";
  }
  if (body[name] === id) return undefined;
  return `The id from the path [${id}] does not match the id from the body [${String(body[name])}]!`;
}

function checkState({ body }: Request, call: Call, state: State): string | undefined {
  const action = (body as { action_type?: string } | undefined)?.action_type;
  const states = (call.path === "/actions" ? actionStates[action ?? ""] : undefined) ?? call.states;
  if (states.includes(state)) return undefined;
  if (state === "Not started") {
    return "The requested operation is not supported before starting the microVM.";
  }
  if (states.includes("Paused")) {
    return "Create snapshot error: Cannot save the microVM state: Operation not allowed: the microVM is not paused.";
  }
  return "The requested operation is not supported after starting the microVM.";
}
