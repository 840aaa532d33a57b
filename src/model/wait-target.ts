/** What can be waited for: its agent, its init's services, something that listens on a TCP port, its end. */
export const waitTargetPattern = /^(?:agent|system|exit|port:(?:[1-9]\d{0,4}))$/;

export type WaitTarget =
  | { kind: "agent" }
  | { kind: "system" }
  | { kind: "exit" }
  | { kind: "port"; port: number };

/** Undefined when the text is none. */
export function readWaitTarget(text: string): WaitTarget | undefined {
  if (!waitTargetPattern.test(text)) return undefined;
  if (!text.startsWith("port:")) return { kind: text as "agent" | "system" | "exit" };
  const port = Number(text.slice("port:".length));
  return port <= 65_535 ? { kind: "port", port } : undefined;
}
