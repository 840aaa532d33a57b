import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fieldOf, parseStanza, readStanzas } from "../../src/debian/deb822.ts";
import { BangerError } from "../../src/lib/errors/error.ts";
import { rejectsWith, throwsWith } from "../support/faults.ts";

const url = "http://mirror/Packages";

async function* pieces(data: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < data.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield data.subarray(at, at + size);
    at += size;
  }
}

async function stanzasOf(data: string | Buffer, sizes: readonly number[] = [7]): Promise<string[]> {
  const found: string[] = [];
  for await (const some of readStanzas(pieces(Buffer.from(data), sizes), url)) {
    found.push(...some.map((one) => one.toString()));
  }
  return found;
}

describe("a stanza", () => {
  test("is fields by their name in lower case, with continuation lines", () => {
    const fields = parseStanza(
      "# a comment\nPackage: a\nDepends: b (>= 1),\n c\nDescription: short\n long: text\n .\n end\nEmpty:\n",
      url,
    );
    assert.deepEqual(
      [...fields],
      [
        ["package", "a"],
        ["depends", "b (>= 1),\nc"],
        ["description", "short\nlong: text\n.\nend"],
        ["empty", ""],
      ],
    );
  });

  for (const [text, problem] of [
    [" first", "a continuation line comes first"],
    ["Package: a\nPackage: b", 'the field "package" occurs twice'],
    ["Package: a\npackage: b", 'the field "package" occurs twice'],
    ["Package a", '"Package a" is no field'],
    ["Pack age: a", '"Pack age: a" is no field'],
    [": a", '": a" is no field'],
  ] as const) {
    test(`${JSON.stringify(text)} is refused`, () => {
      throwsWith(
        () => parseStanza(text, url),
        "archive_malformed",
        `"${url}" cannot be understood: ${problem}`,
      );
    });
  }

  test("of any field names and values comes back as it was written", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
    const line = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    const value = fc.array(line, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key }), (fields) => {
        const text = fields.map(([key, lines]) => `${key}: ${lines.join("\n ")}\n`).join("");
        const expected = fields.map(([key, lines]) => [key, lines.join("\n")]);
        assert.deepEqual([...parseStanza(text, url)], expected);
      }),
    );
  });

  test("of any bytes is read or refused, nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab:# \n\t\0é") }), (text) => {
        try {
          parseStanza(text, url);
        } catch (error) {
          assert.ok(error instanceof BangerError && error.code === "archive_malformed");
        }
      }),
    );
  });
});

describe("a stream of stanzas", () => {
  test("is cut at empty lines, whatever the pieces it comes in", async () => {
    const stanza = fc.stringMatching(/^[A-Z][a-z]{0,5}: x(\n y){0,3}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(stanza),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.integer({ min: 2, max: 4 }),
        async (stanzas, sizes, gap) => {
          const text = stanzas.join("\n".repeat(gap));
          assert.deepEqual(await stanzasOf(text, sizes), stanzas);
          assert.deepEqual(
            (await stanzasOf(`\n\n${text}\n`, sizes)).map((one) => one.trimEnd()),
            stanzas,
          );
        },
      ),
    );
  });

  test("of nothing is empty", async () => {
    assert.deepEqual(await stanzasOf(""), []);
    assert.deepEqual(await stanzasOf("\n\n\n"), []);
  });

  test("without an end is stopped before it fills the memory", async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(64 * 1024, "x");
    }
    const read = async (): Promise<void> => {
      for await (const stanzas of readStanzas(endless(), url)) assert.equal(stanzas.length, 0);
    };
    await rejectsWith(
      read,
      "archive_malformed",
      `"${url}" cannot be understood: a stanza is longer than 1048576 bytes`,
    );
  });
});

describe("one field of an unparsed stanza", () => {
  const stanza = Buffer.from("Source: Package: no\nPackage: a \nX-Package: b\nVersion: 1");
  test("is found wherever it stands", () => {
    assert.equal(fieldOf(stanza, "Package"), "a");
    assert.equal(fieldOf(stanza, "Source"), "Package: no");
    assert.equal(fieldOf(stanza, "Version"), "1");
  });
  test("is undefined when it is not there", () => {
    assert.equal(fieldOf(stanza, "Size"), undefined);
    assert.equal(fieldOf(Buffer.alloc(0), "Size"), undefined);
  });
});
