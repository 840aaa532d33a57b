import type { BangerError } from "../../lib/errors/error.ts";
import type { OutputStream } from "../world.ts";
import { styleFor } from "./style.ts";
import { printable } from "./width.ts";

export interface ErrorOutput {
  json: boolean;
  env: NodeJS.ProcessEnv;
}

/** Prints an error as a small tree, or as one line of JSON with more fields if given. */
export function printError(
  stream: OutputStream,
  error: BangerError,
  { json, env }: ErrorOutput,
  fields: Record<string, unknown> = {},
): void {
  if (json) {
    stream.write(`${JSON.stringify({ ...fields, ...error.toProblem() })}\n`);
    return;
  }
  const style = styleFor(stream, env);
  const hint = `${error.remedy} (${error.toProblem().doc})`;
  const branches = [...distinctCauses(error).map((cause) => `cause: ${cause}`), `hint: ${hint}`];
  const lines = [
    `${style.bold(style.red("error:"))} ${indent(error.message)}`,
    ...branches.map((branch, i) => {
      const mark = i === branches.length - 1 ? "╰▶" : "├▶";
      return style.dim(`${mark} ${indent(branch)}`);
    }),
  ];
  stream.write(`${lines.join("\n")}\n`);
}

/** A cause that only repeats what is above it tells nothing, nor do those of what the user has cancelled. */
function distinctCauses({ code, message, causes }: BangerError): string[] {
  if (code === "interrupted") return [];
  const told = [message];
  return causes.filter((cause) => {
    const isNew = cause !== "" && !told.some((text) => text.includes(cause));
    told.push(cause);
    return isNew;
  });
}

function indent(text: string): string {
  return printable(text).replaceAll("\n", "\n   ");
}
