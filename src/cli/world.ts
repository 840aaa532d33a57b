import type { Banger } from "../client/banger.ts";
import type { Paths } from "../lib/paths.ts";
import type { Interrupts } from "./interrupts.ts";

/** All that a command touches outside of itself. Tests make their own. */
export interface World {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly paths: Paths;
  readonly interrupts: Interrupts;
  /** Milliseconds since 1970. */
  now(): number;
  connect(options?: ConnectOptions): Banger;
  /** Runs a program of the host in place of this one. Where it returns, it gives the program's exit status. @throws tool_missing */
  replace(program: string, args: readonly string[], packageName: string): Promise<number>;
  /** Lets the terminal show what it is given as it is; `stdin.setRawMode(false)` undoes it. */
  passOutputThrough(): Promise<void>;
}

export interface ConnectOptions {
  /** Start the daemon when none answers. Default: true. */
  autostart?: boolean;
  /** Also talk to a daemon of another build, and do not replace it. */
  anyBuild?: boolean;
}

export interface InputStream extends NodeJS.ReadableStream {
  isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  destroy?(): unknown;
}

export interface OutputStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}
