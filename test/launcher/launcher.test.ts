import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Checkout } from "./checkout.ts";

const npmLine = "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error";

describe("./banger", () => {
  test("sets a fresh checkout up, saying so, and runs the program with its arguments", async (context) => {
    const checkout = new Checkout(context);
    const { status, stdout, stderr } = await checkout.run(["vm", "a b", "", "c\nd"]);
    assert.equal(stderr, "banger: installing npm packages\nbanger: building\n");
    assert.equal(stdout, "[checkout][vm][a b][][c\nd]");
    assert.equal(status, 0);
    assert.deepEqual(checkout.calls(), [npmLine, "build"]);
  });

  test("does nothing the second time", async (context) => {
    const checkout = new Checkout(context);
    await checkout.run();
    checkout.calls();
    const { stdout, stderr } = await checkout.run(["x"]);
    assert.deepEqual([stdout, stderr, checkout.calls()], ["[checkout][x]", "", []]);
  });

  for (const path of ["src/cli/main.ts", "images/a", "guest-agent/a.c", "scripts/build.ts", "package.json"]) {
    test(`builds again when ${path} has changed, and installs nothing`, async (context) => {
      const checkout = new Checkout(context);
      await checkout.run();
      checkout.calls();
      checkout.touch(path);
      assert.equal((await checkout.run()).stderr, "banger: building\n");
      assert.deepEqual(checkout.calls(), ["build"]);
    });
  }

  test("builds again when a file has gone", async (context) => {
    const checkout = new Checkout(context);
    await checkout.run();
    checkout.calls();
    rmSync(join(checkout.root, "src/cli/main.ts"));
    checkout.touch("src/cli");
    await checkout.run();
    assert.deepEqual(checkout.calls(), ["build"]);
  });

  test("installs again when the lock file has changed", async (context) => {
    const checkout = new Checkout(context);
    await checkout.run();
    checkout.calls();
    writeFileSync(join(checkout.root, "package-lock.json"), '{"changed":1}');
    checkout.touch("package-lock.json");
    await checkout.run();
    assert.deepEqual(checkout.calls(), [npmLine, "build"]);
  });

  test("installs nothing when the lock file was only touched", async (context) => {
    const checkout = new Checkout(context);
    await checkout.run();
    checkout.calls();
    checkout.touch("package-lock.json");
    await checkout.run();
    assert.deepEqual(checkout.calls(), ["build"]);
  });

  test("shows what npm said when it fails, and runs nothing", async (context) => {
    const checkout = new Checkout(context);
    checkout.program("npm", "echo 'npm error 404'; exit 1");
    const { status, stdout, stderr } = await checkout.run();
    assert.deepEqual([status, stdout], [1, ""]);
    assert.equal(
      stderr,
      "banger: installing npm packages\nnpm error 404\nerror: npm ci failed; the lines above are its own\n" +
        "╰▶ hint: Check the network and the registry (npm config get registry), then run this again\n",
    );
  });

  test("sets up once when two start at the same time", async (context) => {
    const checkout = new Checkout(context);
    const outcomes = await Promise.all([checkout.run(["a"]), checkout.run(["b"]), checkout.run(["c"])]);
    assert.deepEqual(
      outcomes.map(({ stdout }) => stdout),
      ["[checkout][a]", "[checkout][b]", "[checkout][c]"],
    );
    assert.deepEqual(checkout.calls(), [npmLine, "build"]);
  });

  test("runs from anywhere, through a link, and in a folder with spaces", async (context) => {
    const checkout = new Checkout(context, "my check'out");
    const link = join(checkout.root, "..", "link");
    symlinkSync(join(checkout.root, "banger"), link);
    assert.equal((await checkout.run(["x"], { program: link })).stdout, "[checkout][x]");
    assert.equal(
      (await checkout.run(["y"], { program: "./banger", cwd: checkout.root })).stdout,
      "[checkout][y]",
    );
  });

  test("installs a compiler when there is none", async (context) => {
    const checkout = new Checkout(context);
    checkout.program("cc", "exit 0");
    const tools = join(checkout.root, "tools");
    const words = [
      "sh",
      "find",
      "flock",
      "sha256sum",
      "cut",
      "cat",
      "mkdir",
      "chmod",
      "sleep",
      "readlink",
      "dirname",
    ];
    for (const word of words) checkout.program(word, `exec /usr/bin/${word} "$@"`);
    rmSync(join(checkout.root, "../bin/cc"));
    await checkout.run([], { path: tools });
    assert.deepEqual(checkout.calls(), [
      npmLine,
      "install building the guest agent cc:gcc musl-gcc:musl-tools",
      "build",
    ]);
  });
});
