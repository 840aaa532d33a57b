import type { Progress } from "../lib/context.ts";
import { fault, fromProblem, isFault, type Problem } from "../lib/errors/error.ts";
import type { Operation, OperationEvent } from "../model/operation.ts";
import { ndjson } from "./ndjson.ts";
import type { Transport } from "./transport.ts";

export interface OperationOptions {
  /** Aborting it cancels the operation. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Follows an operation to its end and gives its result. The daemon cancels it when this connection is lost; when the signal
 * aborts, this asks for that and waits until everything is undone.
 *
 * @throws what ended the operation, interrupted when it was cancelled
 */
export async function finish<Result>(
  transport: Transport,
  started: Operation,
  { signal, onProgress }: OperationOptions,
): Promise<Result> {
  const cancel = (): void => {
    const path = `/v1/operations/${started.id}`;
    // Whether that arrived or not shows in how the events end.
    transport.json({ method: "DELETE", path }).catch(() => undefined);
  };
  const response = await transport.stream({
    method: "GET",
    path: `/v1/operations/${started.id}/events?cancel_on_disconnect=true`,
  });
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    for await (const event of ndjson<OperationEvent>(response.body)) {
      if (event.type === "end") return resultOf<Result>(event.operation);
      onProgress?.(event.progress as Progress);
    }
    throw fault("channel_closed", { reason: "the daemon ended before the operation did" });
  } catch (error) {
    if (isFault(error, "channel_closed") && signal?.aborted) {
      throw fault("interrupted", { what: started.kind }, error);
    }
    throw error;
  } finally {
    signal?.removeEventListener("abort", cancel);
    response.close();
  }
}

function resultOf<Result>(operation: Operation): Result {
  if (operation.state === "succeeded") return operation.result as Result;
  if (operation.error) throw fromProblem(operation.error as Problem, 500);
  throw fault("interrupted", { what: operation.kind });
}
