import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { FirecrackerApi } from "../../../../src/vmm/firecracker/api/client.ts";
import { rejectsWith } from "../../../support/faults.ts";
import { temporaryDirectory } from "../../../support/temporary.ts";
import { answer, record } from "../recorder.ts";

test("a request carries its method, path and body, and an answer without content is success", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  const requests = await record(t, socket);
  const api = new FirecrackerApi(socket);
  await api.send({ method: "PATCH", path: "/vm", body: { state: "Paused" } });
  await api.send({ method: "PUT", path: "/entropy", body: {} });
  assert.deepEqual(requests, [
    { method: "PATCH", path: "/vm", body: { state: "Paused" } },
    { method: "PUT", path: "/entropy", body: {} },
  ]);
});

test("a refusal is told in Firecracker's own words, on one line", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  await record(t, socket, (_, response) =>
    answer(response, 400, { fault_message: "The vCPU number is invalid!\nIt is 33." }),
  );
  const body = { vcpu_count: 33, mem_size_mib: 128 };
  const refused = new FirecrackerApi(socket).send({ method: "PUT", path: "/machine-config", body });
  await rejectsWith(
    refused,
    "vmm_failed",
    "Firecracker did not start the machine: PUT /machine-config: The vCPU number is invalid! It is 33",
  );
});

test("an instance and a version are read, and something else in their place is a broken protocol", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  const instance = { id: "vm1", app_name: "Firecracker", vmm_version: "1.16.0", state: "Running" };
  let version: unknown = { firecracker_version: "1.16.0" };
  await record(t, socket, ({ path }, response) => answer(response, 200, path === "/" ? instance : version));
  const api = new FirecrackerApi(socket);
  assert.deepEqual(await api.instance(), instance);
  assert.deepEqual(await api.version(), version);
  version = { firecracker_version: 16 };
  await rejectsWith(
    api.version(),
    "vmm_protocol",
    "Firecracker answered with something unexpected: GET /version is answered by something else",
  );
});

test("an error without a message of Firecracker's is told by its status", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  await record(t, socket, (_, response) => answer(response, 500, "boom"));
  await rejectsWith(
    new FirecrackerApi(socket).instance(),
    "vmm_protocol",
    "Firecracker answered with something unexpected: GET / is answered with status 500",
  );
});

test("an answer that never ends is given up", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  await record(t, socket, (_, response) => {
    response.writeHead(200);
    response.end("x".repeat(100_000));
    return true;
  });
  await rejectsWith(
    new FirecrackerApi(socket).instance(),
    "vmm_protocol",
    "Firecracker answered with something unexpected: an answer over 65536 bytes",
  );
});

test("a socket that is not there is told by its error", async (t) => {
  const api = new FirecrackerApi(join(temporaryDirectory(t), "none.sock"));
  await rejectsWith(
    api.instance(),
    "vmm_protocol",
    "Firecracker answered with something unexpected: GET /: ENOENT",
  );
});

test("a call that is not answered ends at its deadline, or when it is cancelled, and leaves no connection", async (t) => {
  const socket = join(temporaryDirectory(t), "api.sock");
  const closed: Promise<void>[] = [];
  const server = createServer((connection) => {
    closed.push(new Promise((resolve) => connection.on("close", () => resolve())));
    connection.on("error", () => undefined).resume();
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => server.close());
  const api = new FirecrackerApi(socket);
  await rejectsWith(api.instance({ timeout: 20 }), "timed_out");
  const cancel = new AbortController();
  const cancelled = rejectsWith(api.instance({ signal: cancel.signal }), "interrupted");
  setTimeout(() => cancel.abort(), 5);
  await cancelled;
  await Promise.all(closed);
});
