/** What a kernel was built with: `CONFIG_` and a name to `y`, `m` or another value. */
export type KernelConfig = ReadonlyMap<string, string>;

/** Reads the text of a `.config`; what is not set is not in it. */
export function parseKernelConfig(text: string): KernelConfig {
  const config = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^CONFIG_(\w+)=(.*?)\r?$/.exec(line);
    if (match) config.set(match[1] as string, match[2] as string);
  }
  return config;
}
