import type { ErrorDefinition } from "./define.ts";
import { errorTable } from "./table.ts";

/** docs/errors.md: one section for each row of the table, in its order. */
export function errorsDocument(): string {
  const rows = Object.entries(errorTable) as [string, ErrorDefinition<never>][];
  return `# Errors

Every error has a code that stays the same, a message with the value that was wrong, and a hint on what to do. On a
terminal they look like this:

    error: vm "dev" not found
    ╰▶ hint: See \`banger vm list\` (docs/errors.md#vm_not_found)

With \`--json\` the same is a JSON object on standard error; through the API it is a problem document (RFC 9457). The
command ends with the status given below. A command run with \`vm run -- cmd\` or \`vm exec\` passes its own status
through.

This page is generated from the table in \`src/lib/errors\`.

${rows.map(([code, row]) => section(code, row)).join("\n")}`;
}

function section(code: string, row: ErrorDefinition<never>): string {
  return `## ${code}

${row.when}

Exit status ${exitStatus(row)}, HTTP status ${row.status}.
`;
}

/** Some rows take their exit status from the parameters; the document then says so. */
function exitStatus(row: ErrorDefinition<never>): string {
  const status = row.exit(Object.freeze({}) as never) as number | undefined;
  return status === undefined ? "depends on the case" : String(status);
}
