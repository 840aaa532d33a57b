import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

/**
 * Builds the guest agent and the bundles into dist/: cli.js, daemon.js, client.js and the agent's binary. `--release` leaves
 * nothing of earlier builds there and adds the SDK's types.
 */
const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");
const release = process.argv.includes("--release");
const staged = join(root, "build", `dist.${process.pid}`);
const began = new Date();
/** The folder of what is named by its content. */
const code = "chunks";
/** Milliseconds that such a file of an earlier build stays for programs that are just starting. */
const keepChunks = 24 * 60 * 60_000;

/**
 * Gets Node's modules without `import`, which evaluates every export of theirs, also those that load further modules
 * (https://github.com/nodejs/node/issues/59686): 10 ms less for `banger vm list`.
 */
const lazyBuiltins: Plugin = {
  name: "lazy builtins",
  setup(esbuild) {
    esbuild.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    esbuild.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }));
  },
};

/** Leaves an import as one of another file of dist. */
function elsewhere(specifier: string, path: string): Plugin {
  const filter = new RegExp(`^${specifier.replaceAll(".", "\\.")}$`);
  return {
    name: "elsewhere",
    setup: (esbuild) => esbuild.onResolve({ filter }, () => ({ path, external: true })),
  };
}

try {
  execFileSync("sh", [join(root, "guest-agent/build.sh")], { stdio: ["ignore", "inherit", "inherit"] });
  mkdirSync(staged, { recursive: true });
  cpSync(join(root, "build/banger-agent"), join(staged, "banger-agent"));
  await bundle();
  if (release) declareTypes();
  publish();
} finally {
  rmSync(staged, { recursive: true, force: true });
}

async function bundle(): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const define = {
    __BANGER_VERSION__: JSON.stringify(manifest.version),
    __BANGER_BUILD__: JSON.stringify(sourceHash()),
  };
  const app = await bundleOne("src/cli/app.ts", `${code}/[name]-[hash]`, { define, plugins: [lazyBuiltins] });
  const plugins = [lazyBuiltins, elsewhere("./app.ts", `./${app}`)];
  await bundleOne("src/cli/main.ts", "cli", { define, plugins });
  await bundleOne("src/client/main.ts", "client", { define, plugins: [lazyBuiltins] });
  // Packages that still ask for modules by require() find it here; ESM has none.
  const js = 'import{createRequire as $cr}from"node:module";const require=$cr(import.meta.url);';
  await bundleOne("src/daemon/main.ts", "daemon", { define, banner: { js } });
}

/** Makes one file of an entry and all that it imports, now or later: to open a file takes longer than to skip its code. */
async function bundleOne(entry: string, name: string, options: BuildOptions): Promise<string> {
  const { metafile } = await build({
    ...options,
    absWorkingDir: root,
    entryPoints: [entry],
    entryNames: name,
    outdir: staged,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22.13",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const [output = ""] = Object.keys(metafile.outputs);
  return relative(staged, join(root, output));
}

/** Twelve hex digits over everything that the program is made of. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const patterns = ["src/**/*", "images/**/*", "package-lock.json", "build/banger-agent"];
  for (const file of globSync(patterns, { cwd: root }).sort()) {
    const path = join(root, file);
    if (statSync(path).isFile()) hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 12);
}

function declareTypes(): void {
  const config = join(staged, "tsconfig.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rewriteRelativeImportExtensions: true,
    rootDir: join(root, "src"),
    outDir: join(staged, "types"),
  };
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions,
    include: [],
    files: [join(root, "src/client/main.ts")],
  };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdio: "inherit",
  });
  rmSync(config);
  bringZodTypes(join(staged, "types"));
  writeFileSync(join(staged, "client.d.ts"), 'export * from "./types/client/main.js";\n');
}

/** The model's types are told in zod's: those come along, so that the SDK's user needs not install it. */
function bringZodTypes(types: string): void {
  const zod = join(root, "node_modules/zod");
  for (const file of globSync(["LICENSE", "index.d.ts", "v4/{classic,core,locales}/**/*.d.ts"], {
    cwd: zod,
  })) {
    cpSync(join(zod, file), join(types, "zod", file));
  }
  for (const file of globSync("**/*.d.ts", { cwd: types, exclude: ["zod/**"] })) {
    const path = join(types, file);
    const index = relative(dirname(path), join(types, "zod/index.js"));
    writeFileSync(path, readFileSync(path, "utf8").replaceAll('from "zod"', `from "${index}"`));
  }
}

/**
 * Puts every file in place by a rename, chunks first: at no moment does a program that starts find something missing. The
 * files carry the time at which this build began, so that what was changed meanwhile counts as newer.
 */
function publish(): void {
  const files = readdirSync(staged, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(staged.length + 1));
  for (const file of files.sort((a, b) => rank(a) - rank(b))) {
    const target = join(dist, file);
    utimesSync(join(staged, file), began, began);
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(staged, file), target);
  }
  removeOld(new Set(files));
}

/** cli.js is what the launcher looks at: it comes last. */
function rank(file: string): number {
  if (file === "cli.js") return 2;
  return file.includes("/") ? 0 : 1;
}

/** A package holds nothing of an earlier build; in a checkout a program may just be about to read it. */
function removeOld(present: ReadonlySet<string>): void {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || present.has(relative(dist, path))) continue;
    const isRecent = began.getTime() - statSync(path).mtimeMs < keepChunks;
    if (release || !(isRecent && relative(dist, path).startsWith(`${code}/`))) rmSync(path);
  }
}
