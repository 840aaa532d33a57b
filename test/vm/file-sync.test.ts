import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { syncFiles } from "../../src/vm/file-sync.ts";
import type { Agent } from "../../src/vm/ports.ts";
import { type ReadMember, readAll } from "../archive/support.ts";
import { noRealAgent } from "../guest/real-agent.ts";
import { FakeGuestProcess } from "../support/fake-services.ts";
import { rejectsWith } from "../support/faults.ts";

const { signal } = new AbortController();

interface Synced {
  logged: [string, unknown][];
  specs: unknown[];
  members: ReadMember[][];
}

/** Lets a guest be given what the entries say; it takes it, or ends with this complaint. */
async function sync(
  entries: { host: string; guest: string; mode: string }[],
  complaint?: string,
): Promise<Synced> {
  const seen: Synced = { logged: [], specs: [], members: [] };
  const take = async (guest: FakeGuestProcess): Promise<void> => {
    seen.members.push(await readAll(await buffer(guest.stdin)));
    if (complaint !== undefined) guest.stderr.write(complaint);
    guest.exit(complaint === undefined ? 0 : 1);
  };
  const agent = {
    unpack: async (spec: unknown) => {
      seen.specs.push(spec);
      const guest = new FakeGuestProcess();
      void take(guest);
      return guest;
    },
  } as unknown as Agent;
  const parts = {
    config: { file_sync: entries },
    log: (...line: [string, unknown?]) => void seen.logged.push(line as [string, unknown]),
  };
  await syncFiles(parts, agent, "dev", signal);
  return seen;
}

function home(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "banger-sync-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe("files of file_sync", { skip: noRealAgent() }, () => {
  test("go below the home of root, a single one with its mode, on private directories", async (t) => {
    const here = home(t);
    writeFileSync(join(here, "token"), "secret", { mode: 0o666 });
    const { specs, members } = await sync([
      { host: join(here, "token"), guest: "~/.config//app/token", mode: "0640" },
    ]);
    assert.deepEqual(specs, [{ path: "/", directory: true }]);
    assert.deepEqual(
      members[0]?.map(({ path, type, mode, uid, gid, bytes }) => [
        String(path),
        type,
        mode.toString(8),
        uid + gid,
        String(bytes),
      ]),
      [
        ["root", "directory", "700", 0, ""],
        ["root/.config", "directory", "700", 0, ""],
        ["root/.config/app", "directory", "700", 0, ""],
        ["root/.config/app/token", "file", "640", 0, "secret"],
      ],
    );
  });

  test("may be directories, whose files keep their modes, without the links in them", async (t) => {
    const here = home(t);
    mkdirSync(join(here, "config/deep"), { recursive: true, mode: 0o750 });
    writeFileSync(join(here, "config/deep/run"), "x", { mode: 0o755 });
    symlinkSync("/etc/shadow", join(here, "config/link"));
    symlinkSync("config", join(here, "named"));
    const { members } = await sync([{ host: join(here, "named"), guest: "/root/c", mode: "0600" }]);
    assert.deepEqual(
      members[0]?.map(({ path, mode }) => `${path} ${mode.toString(8)}`),
      ["root 700", "root/c 750", "root/c/deep 750", "root/c/deep/run 755"],
    );
  });

  test("that are missing here are noted and passed over", async (t) => {
    const here = home(t);
    const { logged, specs } = await sync([{ host: join(here, "no"), guest: "~/x", mode: "0600" }]);
    assert.deepEqual(logged, [
      ["a file of file_sync is missing and was passed over", { vm: "dev", host: join(here, "no") }],
    ]);
    assert.deepEqual(specs, []);
  });

  test("that cannot be copied fail the start, with the reason", async (t) => {
    const here = home(t);
    writeFileSync(join(here, "token"), "");
    const failing = sync(
      [{ host: join(here, "token"), guest: "~/x", mode: "0600" }],
      "28 root/x: No space left on device\n",
    );
    const error = await rejectsWith(
      failing,
      "vm_failed",
      `vm "dev" failed: file_sync of ${here}/token to ~/x`,
    );
    assert.match(error.causes[0] ?? "", /root\/x: No space left on device/);
  });
});
