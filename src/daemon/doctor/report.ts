import type { DoctorCheck, DoctorReport } from "../../model/api/answers.ts";

/** One thing to look at. Its verdict never depends on another check's. */
export interface Check {
  id: string;
  title: string;
  look(signal: AbortSignal): Promise<Finding>;
}

export type Finding = Pick<DoctorCheck, "verdict" | "detail" | "remedy">;

/** Looks at everything at once; a check that cannot be carried out has failed, with its error as the detail. */
export async function examine(checks: readonly Check[], signal: AbortSignal): Promise<DoctorReport> {
  const findings = checks.map(async ({ id, title, look }) => {
    const finding = await look(signal).catch(asFinding);
    return { id, title, ...finding };
  });
  return { checks: await Promise.all(findings) };
}

function asFinding(error: unknown): Finding {
  const { message, remedy } = error as { message?: string; remedy?: string };
  return { verdict: "fail", detail: message ?? String(error), ...(remedy === undefined ? {} : { remedy }) };
}
