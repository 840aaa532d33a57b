import { join } from "node:path";
import { writeFileAtomic } from "../../lib/atomic.ts";
import { isFault } from "../../lib/errors/error.ts";
import { stream } from "../../lib/process.ts";
import type { Accelerator } from "../driver.ts";
import { lastError } from "../qemu/end.ts";
import { confinement, processorArguments } from "../qemu/processor.ts";
import { probeAddress, probeProgram } from "./guest-program.ts";
import { pvhElf } from "./pvh-elf.ts";
import { type ProbeOutcome, probeStatus } from "./verdict.ts";

/** Bytes that the program's tables and stack reach up to, from where it is loaded. */
const guestMemory = 0x20000;
const outputLimit = 4096;
const errorLimit = 64 * 1024;
/** Seconds. A guest that runs is done in a quarter of one; emulation on a host that is overloaded takes its time. */
const deadlines: Record<Accelerator, number> = { kvm: 4, tcg: 60 };

/**
 * Runs the probe's guest under an accelerator, on the machine and processor that real machines get. QEMU runs under
 * timeout(1), so that one that hangs ends even when this program is killed meanwhile.
 *
 * @param directory is ours; the guest's kernel is kept in it
 * @throws tool_missing, no_space, directory_not_writable, interrupted
 */
export async function runProbe(
  qemu: string,
  accelerator: Accelerator,
  directory: string,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const kernel = join(directory, "probe.elf");
  await writeFileAtomic(kernel, pvhElf(probeProgram(), probeAddress, guestMemory));
  const args = probeArguments(accelerator, kernel);
  const limited = ["--signal=KILL", String(deadlines[accelerator]), qemu, ...args];
  const chunks: Buffer[] = [];
  let errors = "";
  const options = {
    signal,
    cwd: directory,
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    timeout: (deadlines[accelerator] + 5) * 1000,
    group: true,
    accept: [probeStatus],
    onStderr: (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-errorLimit);
    },
  };
  const end = await endOf(
    stream("timeout", limited, options, async ({ stdin, stdout }) => {
      stdin.end();
      let size = 0;
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size <= outputLimit) chunks.push(chunk);
      }
    }),
  );
  return { output: Buffer.concat(chunks), end, complaint: lastError(errors) };
}

/** The guest's serial port is QEMU's standard output; a guest that crashes ends QEMU instead of starting over. */
function probeArguments(accelerator: Accelerator, kernel: string): string[] {
  return [
    ...confinement,
    ...processorArguments(accelerator),
    ...["-m", "64M", "-no-reboot", "-kernel", kernel],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
  ];
}

async function endOf(program: Promise<void>): Promise<ProbeOutcome["end"]> {
  try {
    await program;
    return "passed";
  } catch (error) {
    if (isFault(error, "timed_out")) return "deadline";
    if (!isFault(error, "tool_failed")) throw error;
    const { status } = error.params as { status: string };
    // By SIGKILL ends what timeout(1) found still running.
    return status === "signal SIGKILL" ? "deadline" : { failed: status };
  }
}
