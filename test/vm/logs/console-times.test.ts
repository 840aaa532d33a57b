import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ConsoleTimes, offsetAt, parseMarks, readMarks, timeOf } from "../../../src/vm/logs/console-times.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describe("the times of a console", () => {
  test("are noted as it grows, over the lives of daemons, and begin anew when it is cut", async (t) => {
    const directory = temporaryDirectory(t);
    const [console, marks] = [join(directory, "console.log"), join(directory, "console.times")];
    const first = new ConsoleTimes(console, marks);
    await first.note(500);
    writeFileSync(console, "12345");
    await first.note(1000);
    await first.note(2000);
    appendFileSync(console, "678");
    await first.note(3000);
    await first.close();
    assert.equal(readFileSync(marks, "utf8"), "1000 5\n3000 8\n");
    const second = new ConsoleTimes(console, marks);
    await second.note(4000);
    appendFileSync(console, "9");
    await second.note(5000);
    assert.deepEqual(await readMarks(marks), [
      { time: 1000, size: 5 },
      { time: 3000, size: 8 },
      { time: 5000, size: 9 },
    ]);
    writeFileSync(console, "cut");
    await second.note(6000);
    await second.close();
    assert.equal(readFileSync(marks, "utf8"), "6000 3\n");
  });

  test("tell where something begins and how old it is", () => {
    const marks = [
      { time: 1000, size: 5 },
      { time: 3000, size: 8 },
    ];
    assert.deepEqual(
      [0, 999, 1000, 2999, 3000, 9000].map((moment) => offsetAt(marks, moment)),
      [0, 0, 5, 5, 8, 8],
    );
    assert.deepEqual(
      [1, 5, 6, 8, 9].map((offset) => timeOf(marks, offset)),
      [1000, 1000, 3000, 3000, undefined],
    );
  });

  test("are read from any text, half a line skipped", () => {
    assert.deepEqual(parseMarks("1 2\nx\n3 4\n5 "), [
      { time: 1, size: 2 },
      { time: 3, size: 4 },
    ]);
    fc.assert(fc.property(fc.string(), (text) => void parseMarks(text)));
  });
});
