import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

/**
 * Builds the guest agent and the bundles into dist/: cli.js, daemon.js, client.js and the agent's binary. `--release` adds the
 * SDK's types. The old dist stays until the new one is complete.
 */
const root = resolve(import.meta.dirname, "..");
const release = process.argv.includes("--release");
const staged = join(root, `dist.new-${process.pid}`);

try {
  execFileSync("sh", [join(root, "guest-agent/build.sh")], { stdio: ["ignore", "inherit", "inherit"] });
  mkdirSync(staged, { recursive: true });
  cpSync(join(root, "build/banger-agent"), join(staged, "banger-agent"));
  await bundle();
  if (release) declareTypes();
  swap();
} finally {
  rmSync(staged, { recursive: true, force: true });
}

async function bundle(): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  await build({
    entryPoints: {
      cli: join(root, "src/cli/main.ts"),
      daemon: join(root, "src/daemon/main.ts"),
      client: join(root, "src/client/main.ts"),
    },
    outdir: staged,
    bundle: true,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node22.13",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
    // Packages that still ask for modules by require() find it here; ESM has none.
    banner: { js: 'import{createRequire as $cr}from"node:module";const require=$cr(import.meta.url);' },
    define: {
      __BANGER_VERSION__: JSON.stringify(manifest.version),
      __BANGER_BUILD__: JSON.stringify(sourceHash()),
    },
  });
}

/** Twelve hex digits over everything that the program is made of. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const files = globSync(["src/**/*", "images/**/*", "package-lock.json", "build/banger-agent"], {
    cwd: root,
  });
  for (const file of files.sort()) {
    try {
      hash.update(`${file}\0`).update(readFileSync(join(root, file)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw error;
    }
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
  writeFileSync(join(staged, "client.d.ts"), 'export * from "./types/client/main.js";\n');
}

function swap(): void {
  const dist = join(root, "dist");
  const old = `${staged}.old`;
  try {
    renameSync(dist, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  renameSync(staged, dist);
  rmSync(old, { recursive: true, force: true });
}
