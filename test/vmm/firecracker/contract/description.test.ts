import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "node:test";
import { refusal } from "../../../../src/vmm/firecracker/contract/answers.ts";
import { type Call, calls } from "../../../../src/vmm/firecracker/contract/calls.ts";
import type { Field, Shape } from "../../../../src/vmm/firecracker/contract/shape.ts";
import { readYaml, type Yaml } from "./yaml.ts";

/**
 * The contract against Firecracker's own description of its API, for those who have it: a file that is not ours to give away. A clone of
 * this repository has none.
 */
const root = resolve(import.meta.dirname, "../../../..");
const path = process.env.FIRECRACKER_API ?? join(root, "../shared/firecracker/firecracker.yaml");
const skip = existsSync(path) ? false : `no description of Firecracker's API at ${path} (FIRECRACKER_API)`;
const description = skip ? {} : mapping(readYaml(readFileSync(path, "utf8")));
const paths = mapping(description.paths);
const definitions = mapping(description.definitions);

/** Parts of Firecracker that nobody here has a use for. */
const leftOut = [
  "GET /balloon/hinting/status",
  "GET /hotplug/memory",
  "GET /mmds",
  "PATCH /balloon/hinting/start",
  "PATCH /balloon/hinting/stop",
  "PATCH /balloon/statistics",
  "PATCH /hotplug/memory",
  "PATCH /machine-config",
  "PATCH /mmds",
  "PATCH /pmem/{id}",
  "PUT /cpu-config",
  "PUT /hotplug/memory",
  "PUT /mmds",
  "PUT /mmds/config",
  "PUT /pmem/{id}",
];

test("every call of the description is in the contract, or left out on purpose", { skip }, () => {
  const described = Object.entries(paths).flatMap(([name, methods]) =>
    Object.keys(mapping(methods)).map((method) => `${method.toUpperCase()} ${name}`),
  );
  const known = calls.map(({ method, path: name }) => `${method} ${name}`);
  assert.deepEqual(described.sort(), [...known, ...leftOut].sort());
});

for (const call of calls) {
  test(`${call.method} ${call.path} carries and answers what the description says`, { skip }, () => {
    const { parameters, responses } = operation(call);
    const body = parameters.find((parameter) => parameter.in === "body");
    assert.equal(call.body && `#/definitions/${call.body.name}`, body && reference(body.schema));
    const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    assert.deepEqual(/\{(\w+)\}/.exec(call.path)?.slice(1) ?? [], inPath);
    const success = call.answer ? "200" : "204";
    assert.ok(Object.keys(responses).includes(success));
    const answer = mapping(responses[success]).schema;
    assert.equal(call.answer && `#/definitions/${call.answer.name}`, answer && reference(answer));
    assert.equal(reference(mapping(responses.default).schema), `#/definitions/${refusal.name}`);
  });
}

for (const shape of shapesOf(calls)) {
  test(`${shape.name} has the fields that the description gives it`, { skip }, () => {
    const described = mapping(definitions[shape.name]);
    const properties = mapping(described.properties);
    const required = Array.isArray(described.required) ? described.required : [];
    const own = Object.keys(shape.fields);
    assert.deepEqual(own.filter((name) => shape.fields[name]?.required).sort(), [...required].sort());
    const extra = shape.name === "FullVmConfiguration" ? elsewhere : [];
    assert.deepEqual([...own, ...extra].sort(), Object.keys(properties).sort());
    for (const [name, field] of Object.entries(shape.fields)) {
      assert.deepEqual(kindIn(mapping(properties[name])), ours(field), name);
    }
  });
}

/** Parts of the whole configuration that belong to the calls left out. */
const elsewhere = ["cpu-config", "memory-hotplug", "mmds-config", "pmem"];

function operation(call: Call): { parameters: Record<string, Yaml>[]; responses: Record<string, Yaml> } {
  const found = mapping(mapping(paths[call.path])[call.method.toLowerCase()]);
  const parameters = Array.isArray(found.parameters) ? found.parameters.map(mapping) : [];
  return { parameters, responses: mapping(found.responses) };
}

function shapesOf(all: readonly Call[]): Shape[] {
  const found = new Set<Shape>([refusal]);
  const visit = (shape: Shape | undefined): void => {
    if (!shape || found.has(shape)) return;
    found.add(shape);
    for (const field of Object.values(shape.fields)) visitField(field);
  };
  const visitField = (field: Field): void => {
    if (field.kind === "object") visit(field.shape);
    if (field.kind === "list") visitField(field.of);
  };
  for (const { body, answer } of all) for (const shape of [body, answer]) visit(shape);
  return [...found];
}

interface Kind {
  type: string;
  values?: readonly string[];
  minimum?: number;
  maximum?: number;
  of?: Kind;
}

function ours(field: Field): Kind {
  switch (field.kind) {
    case "object":
      return { type: field.shape.name };
    case "list":
      return { type: "array", of: ours(field.of) };
    case "names":
      return { type: "object", of: { type: "string" } };
    case "integer": {
      const { minimum, maximum } = field;
      return {
        type: "integer",
        ...(minimum === undefined ? {} : { minimum }),
        ...(maximum === undefined ? {} : { maximum }),
      };
    }
    case "string":
      return { type: "string", ...(field.values ? { values: field.values } : {}) };
    case "boolean":
      return { type: "boolean" };
  }
}

/** A property of the description; one that refers to an enumeration is that enumeration. */
function kindIn(property: Record<string, Yaml>): Kind {
  const target = property.$ref === undefined ? undefined : reference(property).split("/").at(-1);
  if (target !== undefined) {
    const definition = mapping(definitions[target]);
    return definition.type === "object" ? { type: target } : kindIn(definition);
  }
  const { type, enum: values, minimum, maximum, items, additionalProperties } = property;
  const of = items ?? additionalProperties;
  return {
    type: String(type),
    ...(Array.isArray(values) ? { values: values.map(String) } : {}),
    ...(minimum === undefined ? {} : { minimum: Number(minimum) }),
    ...(maximum === undefined ? {} : { maximum: Number(maximum) }),
    ...(of === undefined ? {} : { of: kindIn(mapping(of)) }),
  };
}

function reference(schema: Yaml | undefined): string {
  return String(mapping(schema).$ref);
}

function mapping(value: Yaml | undefined): Record<string, Yaml> {
  assert.ok(value === undefined || (typeof value === "object" && !Array.isArray(value)), String(value));
  return value ?? {};
}
