import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { Context, Progress } from "../../src/lib/context.ts";
import { AccelerationService } from "../../src/vmm/acceleration.ts";
import { rejectsWith } from "../support/faults.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const works = `cat "$(dirname "$0")/good"; exit 85`;
const refuses = "echo 'qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69' >&2; exit 1";
const refusal = "it runs no 64-bit guest: failed to set MSR 0x10a to 0x69";

/** A host whose QEMU does as the test says under each accelerator. */
class Host {
  readonly directory: string;
  readonly reports: Progress[] = [];
  readonly #tools: string;

  constructor(context: TestContext, does: { kvm: string; tcg: string }) {
    this.directory = join(temporaryDirectory(context), "acceleration");
    this.#tools = temporaryDirectory(context);
    writeFileSync(join(this.#tools, "good"), goodOutput());
    writeFileSync(join(this.#tools, "probes"), "");
    this.install(does);
  }

  install(does: { kvm: string; tcg: string }): void {
    const program = join(this.#tools, "qemu-system-x86_64");
    const script = [
      "#!/bin/sh",
      `[ "$1" = --version ] && { echo 'QEMU emulator version 7.2.22'; exit; }`,
      `case "$*" in`,
      `*'-accel kvm'*) echo kvm >> "$(dirname "$0")/probes"; ${does.kvm};;`,
      `*) echo tcg >> "$(dirname "$0")/probes"; ${does.tcg};;`,
      "esac",
      "",
    ];
    writeFileSync(program, script.join("\n"));
    chmodSync(program, 0o755);
  }

  /** `/dev/null` is a device that everybody may open, which is all that opening proves. */
  service(kvmDevice = "/dev/null"): AccelerationService {
    const path = `${this.#tools}${delimiter}${process.env.PATH}`;
    return new AccelerationService({ directory: this.directory, kvmDevice, path });
  }

  get probes(): string[] {
    return readFileSync(join(this.#tools, "probes"), "utf8").split("\n").slice(0, -1);
  }

  get context(): Context {
    return { signal: new AbortController().signal, report: (progress) => this.reports.push(progress) };
  }
}

/** The greeting, and samples of a guest at 2 GHz. */
function goodOutput(): Buffer {
  const samples = [0, 1, 2, 3, 4, 5].map((index) => {
    const sample = Buffer.alloc(16);
    sample.writeBigUInt64LE(BigInt(1000 + index * 40_000_000), 0);
    sample.writeUInt16LE((65_535 - Math.round(index * 0.02 * 1_193_182) + 2 * 65_536) % 65_536, 8);
    return sample;
  });
  return Buffer.concat([Buffer.from("BANGER64"), ...samples]);
}

describe("choosing an accelerator", () => {
  test("takes KVM where a guest runs under it, and says nothing", async (t) => {
    const host = new Host(t, { kvm: works, tcg: works });
    const { name } = await host.service().choose("auto", host.context);
    assert.equal(name, "kvm");
    assert.deepEqual(host.probes, ["kvm"]);
    assert.deepEqual(host.reports, []);
  });

  test("falls back to emulation where KVM opens and runs nothing, and says why, once", async (t) => {
    const host = new Host(t, { kvm: refuses, tcg: works });
    const service = host.service();
    const chosen = await service.choose("auto", host.context);
    assert.equal(chosen.name, "tcg");
    assert.ok(chosen.tscKhz !== undefined && Math.abs(chosen.tscKhz - 2_000_000) < 40);
    await service.choose("auto", host.context);
    assert.deepEqual(host.reports, [
      {
        stage: "accelerator",
        state: "note",
        message: `KVM does not work here (${refusal}): using software emulation, which is slower`,
      },
    ]);
    assert.deepEqual(host.probes, ["kvm", "tcg"]);
    assert.match(service.kernelCommandLine("tcg"), new RegExp(` tsc_early_khz=${chosen.tscKhz} `));
    assert.doesNotMatch(service.kernelCommandLine("kvm"), /tsc/);
  });

  test("does not try KVM where there is no device, and does not remember that", async (t) => {
    const host = new Host(t, { kvm: works, tcg: works });
    assert.equal((await host.service("/dev/no-kvm").choose("auto", host.context)).name, "tcg");
    assert.deepEqual(host.probes, ["tcg"]);
    assert.equal((await host.service().choose("auto", host.context)).name, "kvm");
  });

  test("remembers its verdicts across daemons, until QEMU is another one", async (t) => {
    const host = new Host(t, { kvm: refuses, tcg: works });
    await host.service().choose("auto", host.context);
    const service = host.service();
    await service.choose("auto", host.context);
    assert.match(service.kernelCommandLine("tcg"), /tsc_early_khz=/);
    assert.deepEqual(host.probes, ["kvm", "tcg"]);
    assert.deepEqual(readdirSync(host.directory).sort(), ["probe.elf", "verdicts.json"]);
    host.install({ kvm: `true; ${works}`, tcg: works });
    assert.equal((await host.service().choose("auto", host.context)).name, "kvm");
    assert.deepEqual(host.probes, ["kvm", "tcg", "kvm"]);
  });

  test("tries again when it is asked for a fresh look", async (t) => {
    const host = new Host(t, { kvm: refuses, tcg: works });
    const service = host.service();
    const expected = { accelerator: "kvm", usable: false, reason: refusal };
    assert.deepEqual(await service.verdict("kvm", host.context), expected);
    assert.deepEqual(await service.verdict("kvm", host.context, { fresh: true }), expected);
    assert.deepEqual(host.probes, ["kvm", "kvm"]);
  });

  test("tries once for all who ask at the same time", async (t) => {
    const host = new Host(t, { kvm: `sleep 0.2; ${works}`, tcg: works });
    const service = host.service();
    const chosen = await Promise.all([1, 2, 3].map(() => service.choose("auto", host.context)));
    assert.deepEqual(
      chosen.map(({ name }) => name),
      ["kvm", "kvm", "kvm"],
    );
    assert.deepEqual(host.probes, ["kvm"]);
  });

  test("measures the clock of emulated guests again when that went wrong", async (t) => {
    const unclear = `printf BANGER64; exit 85`;
    const host = new Host(t, { kvm: unclear, tcg: unclear });
    const { tscKhz } = await host.service().choose("tcg", host.context);
    assert.equal(tscKhz, undefined);
    assert.deepEqual(host.probes, ["tcg", "tcg", "tcg"]);
  });

  test("is cancelled with the operation that wanted it, and leaves no process", async (t) => {
    const host = new Host(t, { kvm: "exec sleep 60", tcg: works });
    const abort = new AbortController();
    const choice = host.service().choose("auto", { ...host.context, signal: abort.signal });
    while (host.probes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await rejectsWith(choice, "interrupted");
  });
});

describe("an accelerator that was insisted on", () => {
  test("is taken when it works", async (t) => {
    const host = new Host(t, { kvm: works, tcg: works });
    assert.equal((await host.service().choose("tcg", host.context)).name, "tcg");
    assert.deepEqual(host.probes, ["tcg"]);
  });

  test("is an error when it does not, which names what does", async (t) => {
    const host = new Host(t, { kvm: refuses, tcg: works });
    const error = await rejectsWith(
      host.service().choose("kvm", host.context),
      "accelerator_unavailable",
      `the accelerator "kvm" does not work here: ${refusal}`,
    );
    assert.equal(error.remedy, "Use one of: tcg");
  });

  test("is an error when nothing works at all", async (t) => {
    const host = new Host(t, { kvm: refuses, tcg: "exit 1" });
    await rejectsWith(
      host.service().choose("auto", host.context),
      "accelerator_unavailable",
      `the accelerator "auto" does not work here: ${refusal}; and software emulation: it runs no 64-bit guest: QEMU ended with status 1`,
    );
  });
});
