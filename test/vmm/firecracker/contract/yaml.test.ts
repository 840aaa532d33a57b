import assert from "node:assert/strict";
import test from "node:test";
import { readYaml } from "./yaml.ts";

test("mappings, lists, lists in brackets and text over several lines are read", () => {
  const source = `
# a comment
paths:
  /a/{b}:
    put:
      description: One line
        and another.
      parameters:
      - name: b
        required: true
      - name: c
responses:
  204:
    description: >-
      Folded text
      here.
enum: ["Unsafe", Plain]
`;
  assert.deepEqual(readYaml(source), {
    paths: {
      "/a/{b}": {
        put: {
          description: "One line and another.",
          parameters: [{ name: "b", required: "true" }, { name: "c" }],
        },
      },
    },
    responses: { "204": { description: "Folded text here." } },
    enum: ["Unsafe", "Plain"],
  });
});
