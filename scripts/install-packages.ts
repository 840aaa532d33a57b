import { Interrupts } from "../src/cli/interrupts.ts";
import { printError } from "../src/cli/output/error.ts";
import { installPackages } from "../src/cli/setup/install.ts";
import { asFault } from "../src/lib/errors/error.ts";
import { missingTools } from "../src/lib/host-tools.ts";

/** install-packages.ts PURPOSE PROGRAM:PACKAGE...: installs the Debian packages of the programs that are missing. */
const [purpose = "", ...pairs] = process.argv.slice(2);
const world = { stderr: process.stderr, env: process.env, interrupts: new Interrupts(process) };

try {
  const tools = pairs.map((pair) => {
    const [program = "", name = program] = pair.split(":");
    return { program, package: name, purpose };
  });
  const missing = missingTools(tools);
  if (missing.length > 0) await installPackages(world, missing, purpose);
} catch (error) {
  const known = asFault(error);
  printError(process.stderr, known, { json: false, env: process.env });
  process.exitCode = known.exit;
}
