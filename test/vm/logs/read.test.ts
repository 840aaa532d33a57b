import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { LogRequest } from "../../../src/model/log-request.ts";
import { readLogs } from "../../../src/vm/logs/read.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { quiet, until, World } from "../world/world.ts";

const { signal } = quiet();
const at = (second: number): number => Date.parse(`2026-01-01T00:00:0${second}.000Z`);
const iso = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;

function files(t: TestContext) {
  const directory = temporaryDirectory(t);
  const paths = {
    console: join(directory, "console.log"),
    marks: join(directory, "console.times"),
    agent: join(directory, "agent.log"),
  };
  writeFileSync(paths.console, "boot\r\nlogin\r\n");
  writeFileSync(paths.marks, `${at(1)} 6\n${at(3)} 13\n`);
  writeFileSync(paths.agent, `${iso(2)} ready\n${iso(4)} gone\n`);
  return paths;
}

async function read(paths: ReturnType<typeof files>, request: Partial<LogRequest>): Promise<string> {
  let text = "";
  const all = { source: "console", follow: false, ...request } as const;
  for await (const piece of readLogs(paths, all, signal)) text += String(piece);
  return text;
}

describe("a machine's logs", () => {
  test("are the console as it was written, and the agent's lines with their times", async (t) => {
    const paths = files(t);
    assert.equal(await read(paths, {}), "boot\r\nlogin\r\n");
    assert.equal(await read(paths, { source: "agent" }), `${iso(2)} ready\n${iso(4)} gone\n`);
  });

  test("are both in the order of their times", async (t) => {
    assert.equal(
      await read(files(t), { source: "all" }),
      [
        `${iso(1)} console boot`,
        `${iso(2)} agent   ready`,
        `${iso(3)} console login`,
        `${iso(4)} agent   gone`,
        "",
      ].join("\n"),
    );
  });

  test("begin where they are asked to", async (t) => {
    const paths = files(t);
    assert.equal(await read(paths, { since: at(2) }), "login\r\n");
    assert.equal(await read(paths, { since: at(9) }), "");
    assert.equal(await read(paths, { source: "agent", since: at(3) }), `${iso(4)} gone\n`);
    assert.equal(await read(paths, { source: "all", since: at(4) }), `${iso(4)} agent   gone\n`);
  });

  test("end with so many lines, whatever they are cut into", async (t) => {
    const paths = files(t);
    assert.equal(await read(paths, { tail: 1 }), "login\r\n");
    assert.equal(await read(paths, { tail: 0 }), "");
    assert.equal(await read(paths, { tail: 9 }), "boot\r\nlogin\r\n");
    assert.equal(await read(paths, { source: "all", tail: 1 }), `${iso(4)} agent   gone\n`);
    assert.equal(await read(paths, { source: "agent", tail: 1 }), `${iso(4)} gone\n`);
    writeFileSync(paths.console, `${"x".repeat(70_000)}\n${"y".repeat(70_000)}\nz`);
    assert.equal(await read(paths, { tail: 2 }), `${"y".repeat(70_000)}\nz`);
  });

  test("of a machine that never ran are empty", async (t) => {
    const directory = temporaryDirectory(t);
    const paths = { console: join(directory, "c"), marks: join(directory, "m"), agent: join(directory, "a") };
    for (const source of ["console", "agent", "all"] as const)
      assert.equal(await read(paths, { source }), "");
  });

  test("go on as they grow, both together with what came first first", async (t) => {
    const paths = files(t);
    const over = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      const request = { source: "all", follow: true, tail: 1 } as const;
      for await (const piece of readLogs(paths, request, over.signal)) seen.push(String(piece));
    })();
    await until(() => seen.length === 1);
    appendFileSync(paths.agent, `${iso(5)} back\n`);
    await until(() => seen.length === 2);
    appendFileSync(paths.console, "half");
    appendFileSync(paths.console, " line\r\n");
    await until(() => seen.length === 3);
    over.abort();
    await reading;
    assert.deepEqual(seen.slice(0, 2), [`${iso(4)} agent   gone\n`, `${iso(5)} agent   back\n`]);
    assert.match(seen[2] ?? "", /^20\S+Z console half line\n$/);
  });
});

test("what happens to a machine's channel is in its agent's log, over the lives of daemons", async () => {
  await using world = new World();
  const { service } = await world.daemon();
  await service.create({ name: "dev" }, quiet());
  world.guest.say("link wlan0: no such device");
  world.guest.breakChannel();
  const lines = async (): Promise<string[]> => {
    let text = "";
    for await (const piece of await service.logs("dev", { source: "agent", follow: false }, signal))
      text += String(piece);
    return text
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(line.indexOf(" ") + 1));
  };
  await until(async () => (await lines()).length === 4);
  assert.deepEqual(await lines(), [
    "daemon: the agent is ready",
    "link wlan0: no such device",
    "daemon: the channel is closed: the connection to the machine ended: the channel broke",
    "daemon: the agent is ready",
  ]);
  await service.close();
});
