import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";

const source = resolve(import.meta.dirname, "../../../src/cli");

/** Runs a program in place of a Node process of its own, with or without execve. */
function replaced(program: string, args: string[], { execve }: { execve: boolean }) {
  const script = `
    import { replaceProcess } from ${JSON.stringify(join(source, "ssh/replace-process.ts"))};
    import { Interrupts } from ${JSON.stringify(join(source, "interrupts.ts"))};
    ${execve ? "" : "process.execve = undefined;"}
    process.stderr.write(process.pid + " ");
    const world = { env: process.env, interrupts: new Interrupts(process) };
    try {
      process.exit(await replaceProcess(world, ${JSON.stringify(program)}, ${JSON.stringify(args)}, "some-package"));
    } catch (error) {
      console.log(error.message, "/", error.remedy);
      process.exit(error.exit);
    }`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    { encoding: "utf8" },
  );
  return { status, signal, stdout, pid: stderr.split(" ")[0] };
}

test("a program takes the very process, with its status and its words", { skip: !process.execve }, () => {
  const { status, stdout, pid } = replaced("sh", ["-c", 'echo $$ "$0"; exit 7', "a b"], { execve: true });
  assert.equal(stdout, `${pid} a b\n`);
  assert.equal(status, 7);
});

test("without execve it runs below, and its end is passed on", () => {
  const { status, stdout, pid } = replaced("sh", ["-c", "echo $PPID; exit 7"], { execve: false });
  assert.equal(stdout, `${pid}\n`);
  assert.equal(status, 7);
  assert.equal(replaced("sh", ["-c", "kill -TERM $$"], { execve: false }).status, 143);
  const handedOn = replaced("sh", ["-c", "trap 'exit 9' TERM; kill -TERM $PPID; sleep 5 & wait"], {
    execve: false,
  });
  assert.equal(handedOn.status, 9, "a signal to the one above");
});

test("a program that is not there is named with its package", () => {
  const { status, stdout } = replaced("no-such-program", [], { execve: true });
  assert.equal(status, 1);
  assert.match(stdout, /the program "no-such-program" was not found/);
  assert.match(stdout, /apt-get install some-package/);
});
