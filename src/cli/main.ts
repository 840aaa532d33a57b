import { keepCompiledCode } from "./compiled-code.ts";
import { versionLine } from "./version-line.ts";

const words = process.argv.slice(2);

// The shortest answer loads nothing else.
if (words[0] === "--version" || words[0] === "-V") {
  process.stdout.write(versionLine());
} else {
  keepCompiledCode(process.env);
  const { runProcess } = await import("./app.ts");
  await runProcess(words);
}
