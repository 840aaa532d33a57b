import type { TestContext } from "node:test";
import { pino } from "pino";
import { Banger } from "../../src/client/banger.ts";
import { makeApp } from "../../src/daemon/http/app.ts";
import { makeHandlers } from "../../src/daemon/http/handlers.ts";
import { listen } from "../../src/daemon/http/server.ts";
import { handleUpgrade } from "../../src/daemon/sessions/upgrade.ts";
import { resolvePaths } from "../../src/lib/paths.ts";
import type { FakeServices } from "./fake-services.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A daemon's HTTP side over fake services on a real socket, and a client for it. Both end with the test. */
export async function serve(
  context: Pick<TestContext, "after">,
  services: FakeServices,
): Promise<{ banger: Banger; socket: string }> {
  const home = temporaryDirectory(context);
  const env = { HOME: home, XDG_RUNTIME_DIR: home };
  const paths = resolvePaths(env);
  const app = makeApp(makeHandlers(services), pino({ level: "silent" }));
  const listening = await listen(
    app,
    (request, socket, head) => handleUpgrade(services.vms, request, socket, head),
    paths.socket,
    paths.runtime,
  );
  context.after(() => listening.close(0));
  return { banger: new Banger({ env, autostart: false }), socket: paths.socket };
}
