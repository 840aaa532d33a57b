import { atLeast, type Field, type Shape, type Version } from "./shape.ts";

/** What is wrong with a value that should have a shape, in the manner of Firecracker's own parser; undefined when nothing is. */
export function checkShape(value: unknown, shape: Shape, version: Version): string | undefined {
  return checkFields(value, shape, version) ?? checkRules(value, shape);
}

/** Only the fields by themselves: what Firecracker refuses while it still reads. */
export function checkFields(value: unknown, shape: Shape, version: Version): string | undefined {
  if (!isRecord(value)) return `invalid type: ${kindOf(value)}, expected struct ${shape.name}`;
  const fields = Object.entries(shape.fields).filter(([, field]) => exists(field, version));
  const names = fields.map(([name]) => name);
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) return `unknown field \`${name}\`, expected ${listing(names)}`;
  }
  for (const [name, field] of fields) {
    const problem = Object.hasOwn(value, name)
      ? checkField(value[name], field, version)
      : field.required && `missing field \`${name}\``;
    if (problem) return problem;
  }
  return undefined;
}

/** What must hold between fields, in the shape itself and in those inside it. */
export function checkRules(value: unknown, shape: Shape): string | undefined {
  return isRecord(value) ? shape.rule?.(value) : undefined;
}

function checkField(value: unknown, field: Field, version: Version): string | undefined {
  switch (field.kind) {
    case "object":
      return checkFields(value, field.shape, version);
    case "list":
      if (!Array.isArray(value)) return `invalid type: ${kindOf(value)}, expected a sequence`;
      return first(value, (item) => checkField(item, field.of, version));
    case "names":
      if (!isRecord(value)) return `invalid type: ${kindOf(value)}, expected a map`;
      return first(Object.values(value), (item) => checkField(item, { kind: "string" }, version));
    case "integer":
      return checkInteger(value, field);
    case "boolean":
      return typeof value === "boolean" ? undefined : `invalid type: ${kindOf(value)}, expected a boolean`;
    case "string":
      return checkText(value, field);
  }
}

function checkInteger(value: unknown, field: Field & { kind: "integer" }): string | undefined {
  const { minimum = 0, maximum = 2 ** 32 - 1 } = field;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    return `invalid type: ${kindOf(value)}, expected an integer`;
  }
  const within = value >= minimum && value <= maximum;
  return within
    ? undefined
    : `invalid value: integer \`${value}\`, expected one from ${minimum} to ${maximum}`;
}

function checkText(value: unknown, field: Field & { kind: "string" }): string | undefined {
  if (typeof value !== "string") return `invalid type: ${kindOf(value)}, expected a string`;
  if (value.includes("\0")) return "invalid value: a string with a NUL";
  const same = (known: string): boolean =>
    field.anyCase ? known.toLowerCase() === value.toLowerCase() : known === value;
  if (!field.values || field.values.some(same)) return undefined;
  return `unknown variant \`${value}\`, expected ${listing(field.values)}`;
}

function exists(field: Field, version: Version): boolean {
  return field.since === undefined || atLeast(version, field.since);
}

function first<T>(values: readonly T[], check: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const problem = check(value);
    if (problem) return problem;
  }
  return undefined;
}

function listing(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  if (quoted.length === 1) return quoted.join("");
  return quoted.length === 2 ? quoted.join(" or ") : `one of ${quoted.join(", ")}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "sequence";
  if (typeof value === "object") return "map";
  if (typeof value === "string") return `string "${value.slice(0, 100)}"`;
  return `${typeof value} \`${String(value)}\``;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
