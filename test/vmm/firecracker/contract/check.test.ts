import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Call, calls, type State } from "../../../../src/vmm/firecracker/contract/calls.ts";
import { checkAnswer, checkRequest, type Refusal } from "../../../../src/vmm/firecracker/contract/check.ts";
import type { Field, Shape, Version } from "../../../../src/vmm/firecracker/contract/shape.ts";

const unread = "An error occurred when deserializing the json body of a request";
const newest: Version = "1.16";

function refusal(
  method: string,
  path: string,
  body?: unknown,
  options: { version?: Version; state?: State; configured?: boolean } = {},
): string | undefined {
  const circumstances = { version: newest, state: "Not started" as State, configured: false, ...options };
  const result: Refusal | { call: Call } = checkRequest({ method, path, body }, circumstances);
  if ("call" in result) return undefined;
  assert.equal(result.status, 400);
  return result.message;
}

const running = { state: "Running" } as const;
const paused = { state: "Paused" } as const;
const drive = { drive_id: "root", is_root_device: true, path_on_host: "/disk", is_read_only: false };
const card = { iface_id: "net", host_dev_name: "tap0", guest_mac: "52:54:00:12:34:56" };
const load = { snapshot_path: "/s", mem_backend: { backend_type: "File", backend_path: "/m" } };
const save = { snapshot_path: "/s", mem_file_path: "/m" };

test("the requests that a machine takes from its configuration to its snapshot are accepted", () => {
  for (const [method, path, body] of [
    ["PUT", "/logger", { log_path: "/l", level: "warning" }],
    ["PUT", "/metrics", { metrics_path: "/m" }],
    ["PUT", "/serial", { serial_out_path: "/c" }],
    ["PUT", "/machine-config", { vcpu_count: 3, mem_size_mib: 512 }],
    ["PUT", "/boot-source", { kernel_image_path: "/k", initrd_path: "/i", boot_args: "quiet" }],
    ["PUT", "/drives/root", drive],
    ["PUT", "/network-interfaces/net", card],
    ["PUT", "/vsock", { guest_cid: 3, uds_path: "/v" }],
    ["PUT", "/entropy", {}],
    ["PUT", "/balloon", { amount_mib: 0, deflate_on_oom: true }],
    ["PUT", "/actions", { action_type: "InstanceStart" }],
    ["GET", "/"],
  ] as const) {
    assert.equal(refusal(method, path, body), undefined, path);
  }
  assert.equal(refusal("PATCH", "/vm", { state: "Paused" }, running), undefined);
  assert.equal(refusal("PUT", "/snapshot/create", save, paused), undefined);
  assert.equal(refusal("PATCH", "/vm", { state: "Resumed" }, paused), undefined);
  assert.equal(refusal("PUT", "/snapshot/load", load), undefined);
});

test("what is no call is refused with its name", () => {
  for (const [method, path] of [
    ["GET", "/nothing"],
    ["PUT", "/"],
    ["DELETE", "/drives/root"],
    ["PUT", "/drives/root/more"],
    ["PUT", "/boot-source/"],
    ["PUT", "/snapshot/other"],
  ] as const) {
    const wanted = `Invalid request method and/or path: ${method} ${path.slice(1)}.`;
    assert.equal(refusal(method, path), wanted);
  }
});

test("a body is there where it must be, and nowhere else", () => {
  assert.equal(refusal("GET", "/version", {}), "GET request cannot have a body.");
  assert.equal(refusal("GET", "/nothing", {}), "GET request cannot have a body.");
  assert.equal(refusal("PUT", "/entropy"), "Empty PUT request.");
  assert.equal(refusal("PATCH", "/vm"), "Empty PATCH request.");
});

test("a body of the wrong kind is refused", () => {
  assert.equal(refusal("PUT", "/vsock", []), `${unread}: invalid type: sequence, expected struct Vsock.`);
  assert.equal(refusal("PUT", "/vsock", null), `${unread}: invalid type: null, expected struct Vsock.`);
  assert.equal(
    refusal("PUT", "/vsock", "no"),
    `${unread}: invalid type: string "no", expected struct Vsock.`,
  );
});

test("fields that are missing, unknown, or of another kind are refused by name", () => {
  const machine = (body: object): string | undefined => refusal("PUT", "/machine-config", body);
  assert.equal(machine({ vcpu_count: 1 }), `${unread}: missing field \`mem_size_mib\`.`);
  assert.equal(
    machine({ vcpu_count: "1", mem_size_mib: 1 }),
    `${unread}: invalid type: string "1", expected an integer.`,
  );
  assert.equal(
    machine({ vcpu_count: 1.5, mem_size_mib: 1 }),
    `${unread}: invalid type: number \`1.5\`, expected an integer.`,
  );
  assert.equal(
    machine({ vcpu_count: 1, mem_size_mib: 1, smt: null }),
    `${unread}: invalid type: null, expected a boolean.`,
  );
  assert.equal(
    refusal("PUT", "/actions", { action_type: "Reboot" }),
    `${unread}: unknown variant \`Reboot\`, expected one of \`FlushMetrics\`, \`InstanceStart\`, \`SendCtrlAltDel\`.`,
  );
  assert.equal(
    refusal("PATCH", "/vm", { state: "Paused", why: 1 }, running),
    `${unread}: unknown field \`why\`, expected \`state\`.`,
  );
  assert.equal(
    refusal("PUT", "/boot-source", { kernel_image_path: "/k\0" }),
    `${unread}: invalid value: a string with a NUL.`,
  );
  assert.equal(
    refusal("PUT", "/snapshot/load", { ...load, network_overrides: {} }),
    `${unread}: invalid type: map, expected a sequence.`,
  );
  assert.equal(
    refusal("PUT", "/snapshot/load", { ...load, network_overrides: [{ iface_id: "net" }] }),
    `${unread}: missing field \`host_dev_name\`.`,
  );
});

test("bounds hold on both sides", () => {
  const machine = (vcpu_count: number, mem_size_mib = 128): string | undefined =>
    refusal("PUT", "/machine-config", { vcpu_count, mem_size_mib });
  assert.equal(machine(1), undefined);
  assert.equal(machine(32), undefined);
  const bounds = "expected one from 1 to 32";
  assert.equal(machine(0), `${unread}: invalid value: integer \`0\`, ${bounds}.`);
  assert.equal(machine(33), `${unread}: invalid value: integer \`33\`, ${bounds}.`);
  assert.equal(machine(1, 0), "The memory size (MiB) is invalid.");
  assert.equal(
    refusal("PUT", "/vsock", { guest_cid: 2, uds_path: "/v" }),
    `${unread}: invalid value: integer \`2\`, expected one from 3 to 4294967295.`,
  );
});

test("what must hold between fields holds", () => {
  assert.equal(
    refusal("PUT", "/machine-config", { vcpu_count: 3, mem_size_mib: 1, smt: true }),
    "The specified vCPU count must be 1 or an even number when SMT is enabled.",
  );
  assert.equal(
    refusal("PUT", "/machine-config", { vcpu_count: 1, mem_size_mib: 129, huge_pages: "2M" }),
    "The memory size (MiB) is invalid.",
  );
  const neither =
    "Unable to create the virtio block device: Invalid config for a virtio or a vhost-user block device";
  const { is_read_only: _, ...withoutMode } = drive;
  assert.equal(refusal("PUT", "/drives/root", withoutMode), neither);
  assert.equal(refusal("PUT", "/drives/root", { ...drive, socket: "/s" }), neither);
  assert.equal(
    refusal("PUT", "/drives/root", { drive_id: "root", is_root_device: true, socket: "/s" }),
    undefined,
  );
  assert.equal(
    refusal("PUT", "/network-interfaces/net", { ...card, guest_mac: "52:54" }),
    "invalid MAC address 52:54",
  );
  assert.equal(
    refusal("PUT", "/snapshot/load", { snapshot_path: "/s" }),
    `${unread}: missing field: either \`mem_backend\` or \`mem_file_path\` is required.`,
  );
  assert.equal(
    refusal("PUT", "/snapshot/load", { ...load, mem_file_path: "/m" }),
    `${unread}: too many fields: either \`mem_backend\` or \`mem_file_path\` exclusively is required.`,
  );
});

test("ids are words, and the same in path and body", () => {
  assert.equal(refusal("PUT", "/drives/", drive), "The ID cannot be empty.");
  assert.equal(
    refusal("PUT", "/drives/ro-ot", { ...drive, drive_id: "ro-ot" }),
    "API Resource IDs can only contain alphanumeric characters and underscores.",
  );
  assert.equal(
    refusal("PUT", "/drives/data", drive),
    "The id from the path [data] does not match the id from the body [root]!",
  );
});

test("what came later is unknown to the versions before", () => {
  const old = { version: "1.11" } as const;
  assert.equal(
    refusal("PUT", "/serial", {}, { version: "1.13" }),
    "Invalid request method and/or path: PUT serial.",
  );
  assert.equal(refusal("PUT", "/serial", {}, { version: "1.14" }), undefined);
  const overridden = { ...load, network_overrides: [{ iface_id: "net", host_dev_name: "tap1" }] };
  assert.equal(refusal("PUT", "/snapshot/load", overridden, { version: "1.12" }), undefined);
  assert.match(refusal("PUT", "/snapshot/load", overridden, old) ?? "", /unknown field `network_overrides`/);
  const vsock = { ...load, vsock_override: { uds_path: "/v" } };
  assert.equal(refusal("PUT", "/snapshot/load", vsock), undefined);
  assert.match(refusal("PUT", "/snapshot/load", vsock, { version: "1.15" }) ?? "", /unknown field/);
});

const early = "The requested operation is not supported before starting the microVM.";
const late = "The requested operation is not supported after starting the microVM.";

test("each call is refused in the states that it is not for", () => {
  const outcome = (call: Call, state: State): string | undefined =>
    refusal(call.method, call.path.replace(/\{.*/, "id"), exampleOf(call), { state });
  for (const call of calls.filter(({ path }) => path !== "/actions")) {
    const name = `${call.method} ${call.path}`;
    const wanted = (state: State): string | undefined => {
      if (call.states.includes(state)) return undefined;
      if (state === "Not started") return early;
      return call.states.includes("Paused") ? unpaused : late;
    };
    for (const state of ["Not started", "Running", "Paused"] as const) {
      assert.equal(outcome(call, state), wanted(state), `${name} ${state}`);
    }
  }
});

const unpaused =
  "Create snapshot error: Cannot save the microVM state: Operation not allowed: the microVM is not paused.";

test("each action is refused in the states that it is not for", () => {
  const act = (action_type: string, state: State): string | undefined =>
    refusal("PUT", "/actions", { action_type }, { state });
  assert.equal(act("InstanceStart", "Running"), late);
  assert.equal(act("InstanceStart", "Paused"), late);
  assert.equal(act("FlushMetrics", "Not started"), early);
  assert.equal(act("FlushMetrics", "Paused"), undefined);
  assert.equal(act("SendCtrlAltDel", "Not started"), early);
  assert.equal(act("SendCtrlAltDel", "Running"), undefined);
});

test("no snapshot is loaded into a machine that was configured", () => {
  assert.equal(
    refusal("PUT", "/snapshot/load", load, { configured: true }),
    "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.",
  );
});

test("answers are held to the contract too", () => {
  const call = (path: string): Call => {
    const found = calls.find((known) => known.path === path);
    assert.ok(found);
    return found;
  };
  const info = { id: "a", app_name: "Firecracker", vmm_version: "1.16.0", state: "Paused" };
  assert.equal(checkAnswer(call("/"), { status: 200, body: info }, newest), undefined);
  assert.equal(
    checkAnswer(call("/"), { status: 200, body: { ...info, state: "Odd" } }, newest),
    "unknown variant `Odd`, expected one of `Not started`, `Running`, `Paused`",
  );
  assert.equal(checkAnswer(call("/vsock"), { status: 204 }, newest), undefined);
  assert.equal(
    checkAnswer(call("/vsock"), { status: 400, body: { fault_message: "no" } }, newest),
    undefined,
  );
  assert.equal(checkAnswer(call("/"), { status: 204 }, newest), "204 is for calls without an answer");
  assert.equal(
    checkAnswer(call("/vsock"), { status: 200, body: {} }, newest),
    "200 is for calls with an answer",
  );
  assert.equal(checkAnswer(call("/vsock"), { status: 301 }, newest), "status 301");
  assert.equal(
    checkAnswer(call("/vsock"), { status: 400, body: { error: "no" } }, newest),
    "unknown field `error`, expected `fault_message`",
  );
});

test("whatever comes is either a call or a refusal that says why", () => {
  const method = fc.constantFrom("GET", "PUT", "PATCH", "POST", "x");
  const path = fc.oneof(
    fc.constantFrom(...calls.map((call) => call.path.replace("{", "").replace("}", ""))),
    fc.string(),
  );
  const state = fc.constantFrom<State>("Not started", "Running", "Paused");
  fc.assert(
    fc.property(method, path, fc.option(fc.jsonValue(), { nil: undefined }), state, (m, p, body, s) => {
      const result = checkRequest(
        { method: m, path: p, body },
        { version: newest, state: s, configured: false },
      );
      assert.ok("call" in result || (result.status === 400 && result.message.length > 0));
    }),
    { numRuns: 100 },
  );
});

/** A body with what is required, right by itself. */
function exampleOf({ body }: Call): unknown {
  return (
    body && {
      ...fill(body),
      ...(body.name === "Drive" ? { path_on_host: "/d", is_read_only: true } : {}),
      ...(body.name === "SnapshotLoadParams" ? { mem_file_path: "/m" } : {}),
    }
  );
}

function fill(shape: Shape): Record<string, unknown> {
  const required = Object.entries(shape.fields).filter(([, field]) => field.required);
  return Object.fromEntries(required.map(([name, field]) => [name, value(name, field)]));
}

function value(name: string, field: Field): unknown {
  if (field.kind === "integer") return field.minimum ?? 2;
  if (field.kind === "boolean") return true;
  if (field.kind === "string") return field.values?.[0] ?? (name.endsWith("_id") ? "id" : "/x");
  return undefined;
}
