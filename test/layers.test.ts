import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "src");

/** From low to high: a layer may import itself and what stands before it. */
const order = [
  "lib",
  "model",
  "archive",
  "debian",
  "store",
  "guest",
  "kernel",
  "image",
  "vmm",
  "network",
  "workspace",
  "vm",
  "daemon",
];

/** These stand beside the tower and see only what is named. */
const narrow: Record<string, string[]> = {
  client: ["lib", "model", "archive"],
  cli: ["lib", "model", "client"],
};

/** The CLI may know a model's types, but must not load zod; these model modules are plain code. */
const cliModelValues = ["exec-frames.ts", "signals.ts", "default-size.ts", "wait-target.ts"];

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const files = sourceFiles(source);
const imports = files.flatMap(importsOf);

test("the source tree was really read", () => {
  assert.ok(files.length > 60, `${files.length} files`);
  assert.ok(imports.length > 150, `${imports.length} imports`);
});

test("every folder of src is a known layer", () => {
  const known = [...order, ...Object.keys(narrow)];
  const unknown = readdirSync(source).filter((name) => !known.includes(name));
  assert.deepEqual(unknown, []);
});

test("a lower layer never imports a higher one", () => {
  const upward = imports.filter(({ from, to }) => !mayImport(layerOf(from), layerOf(to)));
  assert.deepEqual(upward.map(describe), []);
});

test("the command line and the SDK take types only from the model, but for plain code", () => {
  const loaded = imports.filter(({ from, to, typeOnly }) => {
    const outside = layerOf(from) === "cli" || layerOf(from) === "client";
    return (
      outside && layerOf(to) === "model" && !typeOnly && !cliModelValues.some((name) => to.endsWith(name))
    );
  });
  assert.deepEqual(loaded.map(describe), []);
});

test("no module imports itself through others", () => {
  const graph = Map.groupBy(imports, ({ from }) => from);
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (file: string, trail: string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      cycles.push([...trail.slice(trail.indexOf(file)), file].map(short).join(" → "));
      return;
    }
    state.set(file, "open");
    for (const { to, typeOnly } of graph.get(file) ?? []) if (!typeOnly) visit(to, [...trail, file]);
    state.set(file, "done");
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("no module of the command line or the SDK imports node:http, which costs 25 ms of start", () => {
  const guilty = files
    .filter((file) => ["cli", "client"].includes(layerOf(file)))
    .filter((file) => /from "node:https?"/.test(readFileSync(file, "utf8")));
  assert.deepEqual(guilty.map(short), []);
});

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  const seen = narrow[from];
  if (seen) return seen.includes(to);
  const target = order.indexOf(to);
  return target !== -1 && target < order.indexOf(from);
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found: Import[] = [];
  for (const match of text.matchAll(
    /^(?:import|export)\s+(type\s+)?[^;]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/gms,
  )) {
    const target = match[2] ?? match[3] ?? match[4] ?? "";
    if (!target.endsWith(".ts")) continue;
    found.push({ from: file, to: resolve(dirname(file), target), typeOnly: match[1] !== undefined });
  }
  return found;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

function layerOf(file: string): string {
  return relative(source, file).split("/")[0] as string;
}

function short(file: string): string {
  return relative(source, file);
}

function describe({ from, to }: Import): string {
  return `${short(from)} imports ${short(to)}`;
}
