import { z } from "zod";

/** What QEMU sends on its control socket (QEMU's docs/interop/qmp-spec): one JSON object a line. */
export type QmpMessage =
  | { kind: "greeting"; version: string }
  | { kind: "return"; id: number; value: unknown }
  | { kind: "error"; id: number | undefined; reason: string }
  /** `at`: when it happened, by the host's clock, in milliseconds; 0 when QEMU did not say. */
  | { kind: "event"; name: string; data: Record<string, unknown>; at: number };

const greeting = z.object({
  QMP: z.object({
    version: z.object({ qemu: z.object({ major: z.int(), minor: z.int(), micro: z.int() }) }),
  }),
});
const reply = z.object({ return: z.unknown(), id: z.int() }).refine((message) => "return" in message);
const failure = z.object({
  error: z.object({ class: z.string(), desc: z.string() }),
  id: z.int().optional(),
});
const event = z.object({
  event: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
  timestamp: z.object({ seconds: z.number(), microseconds: z.number() }).optional(),
});

/** One line as a message; undefined when it is none that the protocol has. */
export function parseMessage(line: string): QmpMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const hello = greeting.safeParse(json);
  if (hello.success) {
    const { major, minor, micro } = hello.data.QMP.version.qemu;
    return { kind: "greeting", version: `${major}.${minor}.${micro}` };
  }
  const answer = reply.safeParse(json);
  if (answer.success) return { kind: "return", id: answer.data.id, value: answer.data.return };
  const refusal = failure.safeParse(json);
  if (refusal.success) {
    const { class: category, desc } = refusal.data.error;
    return { kind: "error", id: refusal.data.id, reason: `${category}: ${desc}` };
  }
  const news = event.safeParse(json);
  if (news.success) {
    const { seconds, microseconds } = news.data.timestamp ?? { seconds: 0, microseconds: 0 };
    const at = Math.max(0, seconds * 1000 + microseconds / 1000);
    return { kind: "event", name: news.data.event, data: news.data.data ?? {}, at };
  }
  return undefined;
}
