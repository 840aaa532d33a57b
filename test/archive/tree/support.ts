import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { packTree } from "../../../src/archive/tree/pack.ts";
import { gather } from "../support.ts";

/** Everything below a path, in the words of this test: bytes of names as latin1. */
export function describeTree(root: string): string[] {
  const lines: string[] = [];
  const visit = (path: Buffer, name: string): void => {
    const status = lstatSync(path, { bigint: true });
    const mode = (status.mode & 0o7777n).toString(8);
    const when = `${mode} ${status.mtimeNs}`;
    if (status.isDirectory()) {
      lines.push(`${name}/ ${when}`);
      for (const child of readdirSync(path, { encoding: "buffer" })) {
        visit(Buffer.concat([path, Buffer.from("/"), child]), `${name}/${child.toString("latin1")}`);
      }
    } else if (status.isSymbolicLink()) lines.push(`${name} -> ${readlinkSync(path)}`);
    else if (status.isFile()) lines.push(`${name} ${when} ${status.nlink} ${readFileSync(path, "base64")}`);
    else lines.push(`${name} ${when} special`);
  };
  visit(Buffer.from(root), "");
  return lines.sort();
}

/** A directory with one of everything that an ordinary user can make. */
export function makeTree(root: string): void {
  mkdirSync(join(root, "deep/er"), { recursive: true });
  writeFileSync(join(root, "deep/file"), "content\n", { mode: 0o640 });
  linkSync(join(root, "deep/file"), join(root, "deep/second"));
  symlinkSync("../nowhere", join(root, "deep/link"));
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "l".repeat(255)), "long name");
  writeFileSync(Buffer.concat([Buffer.from(root), Buffer.from([0x2f, 0xff, 0xfe, 0x41])]), "no UTF-8");
  writeFileSync(join(root, "big"), Buffer.alloc(300_000, "0123456789"));
  writeFileSync(join(root, "sparse"), "begin");
  truncateSync(join(root, "sparse"), 3_000_000);
  writeFileSync(join(root, "sparse-end"), "");
  truncateSync(join(root, "sparse-end"), 1_000_000);
  writeFileSync(join(root, "sparse-end"), "the end", { flag: "a" });
  utimesSync(join(root, "empty"), 0, -1.5);
  mkdirSync(join(root, "closed"), { mode: 0o500 });
  utimesSync(join(root, "deep"), 0, 1_234_567_890.25);
}

/** Bytes that a file occupies. */
export function occupied(path: string): number {
  return statSync(path).blocks * 512;
}

export async function packed(path: string, name = "tree"): Promise<Buffer> {
  return await packTree([{ path: Buffer.from(path), name: Buffer.from(name) }], {}, gather);
}

/** What a copy to a path that failed says, when it had begun and when it had not. */
export function failed(path: string, reason: string, begun = true): string {
  const undone = begun ? "; what had been copied was removed again" : "";
  return `cannot copy to "${path}": ${reason}${undone}`;
}
