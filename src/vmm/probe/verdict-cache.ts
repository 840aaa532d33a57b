import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomic } from "../../lib/atomic.ts";
import { errnoOf } from "../../lib/errors/error.ts";
import type { Accelerator } from "../driver.ts";
import type { Verdict } from "./verdict.ts";

const verdictSchema = z.discriminatedUnion("usable", [
  z.object({ accelerator: z.enum(["kvm", "tcg"]), usable: z.literal(true), tscKhz: z.int().optional() }),
  z.object({ accelerator: z.enum(["kvm", "tcg"]), usable: z.literal(false), reason: z.string() }),
]);
/** `key` is everything that a verdict depends on. */
const fileSchema = z.object({
  version: z.literal(1),
  verdicts: z.record(z.string(), z.object({ key: z.string(), verdict: verdictSchema })),
});
type CacheFile = z.infer<typeof fileSchema>;

/** Verdicts in a file. One that cannot be read is as good as none: the probe is run again. */
export class VerdictCache {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async get(accelerator: Accelerator, key: string): Promise<Verdict | undefined> {
    const entry = (await this.#read()).verdicts[accelerator];
    if (entry?.key !== key) return undefined;
    const { verdict } = entry;
    return verdict.usable ? { ...verdict, tscKhz: verdict.tscKhz } : verdict;
  }

  /** @throws no_space, directory_not_writable */
  async put(key: string, verdict: Verdict): Promise<void> {
    const file = await this.#read();
    file.verdicts[verdict.accelerator] = { key, verdict };
    await writeFileAtomic(this.#path, `${JSON.stringify(file, null, 2)}\n`);
  }

  async #read(): Promise<CacheFile> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return empty();
      throw error;
    }
    try {
      return fileSchema.parse(JSON.parse(text));
    } catch {
      return empty();
    }
  }
}

function empty(): CacheFile {
  return { version: 1, verdicts: {} };
}
