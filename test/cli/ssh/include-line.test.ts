import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { includeLine, withLine, withoutLine } from "../../../src/cli/ssh/include-line.ts";

const line = includeLine("/home/u/.local/state/banger/ssh/config");
const added = (text: string): string => withLine(Buffer.from(text), line).toString();
const removed = (text: string): string => withoutLine(Buffer.from(text), line).toString();

describe("the line that includes our configuration", () => {
  test("is quoted only where it must be", () => {
    assert.equal(line, "Include /home/u/.local/state/banger/ssh/config");
    assert.equal(includeLine("/home/a b/config"), 'Include "/home/a b/config"');
  });

  test("comes first, once", () => {
    assert.equal(added(""), `${line}\n`);
    assert.equal(added("Host a\n  User b\n"), `${line}\nHost a\n  User b\n`);
    assert.equal(added(added("Host a")), `${line}\nHost a`);
  });

  test("is fine further down, as long as no block is before it", () => {
    const fine = `# mine\nInclude other\n${line}\nHost a\n`;
    assert.equal(added(fine), fine);
    for (const block of ["Host a", "  match all", "HOST=a"]) {
      assert.equal(added(`${block}\n${line}\n`), `${line}\n${block}\n`);
    }
    assert.equal(added(`HostName x\n${line}\n`), `HostName x\n${line}\n`);
  });

  test("goes without a trace", () => {
    assert.equal(removed(`${line}\nHost a`), "Host a");
    assert.equal(removed(`Host a\n  ${line}\r\nUser b\n`), "Host a\nUser b\n");
    assert.equal(removed("Host a\n"), "Host a\n");
    assert.equal(removed(`# ${line}\n`), `# ${line}\n`);
  });

  test("leaves every byte of any file as it was when it is put in and taken out", () => {
    const text = fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from));
    fc.assert(
      fc.property(text, (bytes) => {
        const content = Buffer.from(bytes);
        const once = withLine(content, line);
        assert.deepEqual(withLine(once, line), once);
        assert.deepEqual(withoutLine(once, line), content);
      }),
    );
  });
});
