import { readFile } from "node:fs/promises";
import { parse, TomlError } from "smol-toml";
import type { z } from "zod";
import { errnoOf, fault, messageOf } from "../lib/errors/error.ts";
import { suggest } from "../lib/suggest.ts";
import { type Config, configSchema } from "../model/config.ts";

/** Reads config.toml; a file that is not there is all defaults. @throws invalid_config */
export async function loadConfig(path: string): Promise<Config> {
  let text = "";
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") {
      throw fault("invalid_config", { path, problem: `it cannot be read (${messageOf(error)})` }, error);
    }
  }
  return parseConfig(text, path);
}

/** @throws invalid_config, naming the key or the line */
export function parseConfig(text: string, path: string): Config {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    const where = error instanceof TomlError ? `line ${error.line}, column ${error.column}: ` : "";
    const [first = ""] = messageOf(error).split("\n");
    throw fault("invalid_config", { path, problem: `${where}${first}` }, error);
  }
  const result = configSchema.safeParse(table);
  if (result.success) return result.data;
  const problem = result.error.issues.map(describe).join("; ");
  throw fault("invalid_config", { path, problem }, result.error);
}

function describe(issue: z.core.$ZodIssue): string {
  const place = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return `${place}: ${issue.message}`;
  return issue.keys.map((key) => describeUnknown([...issue.path.map(String), key])).join("; ");
}

function describeUnknown(path: string[]): string {
  const known = knownKeys();
  const name = path.join(".");
  const near = suggest(name, known);
  return `unknown key ${name}${near ? `, did you mean ${near}?` : ""}`;
}

function knownKeys(): string[] {
  return Object.entries(configSchema.shape).flatMap(([key, schema]) => {
    const inner = innerShape(schema);
    return inner ? [key, ...Object.keys(inner).map((name) => `${key}.${name}`)] : [key];
  });
}

/** The shape of a table inside its default. */
function innerShape(schema: z.ZodType): Record<string, unknown> | undefined {
  const wrapped = schema as { unwrap?: () => z.ZodType; shape?: Record<string, unknown> };
  return wrapped.shape ?? (wrapped.unwrap?.() as typeof wrapped | undefined)?.shape;
}
