import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findProgram } from "../../../src/lib/host-tools.ts";
import { probeAddress, probeGreeting, probeProgram } from "../../../src/vmm/probe/guest-program.ts";
import { pvhElf } from "../../../src/vmm/probe/pvh-elf.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const source = readFileSync(join(import.meta.dirname, "../../../src/vmm/probe/guest-program.ts"), "utf8");

describe("the program of the probe's guest", () => {
  test("is these bytes: a change of them is meant", () => {
    const program = probeProgram();
    assert.equal(program.length, 752);
    assert.equal(program.subarray(-8).toString("latin1"), probeGreeting);
    assert.equal(
      createHash("sha256").update(program).digest("hex"),
      "7a77334257ecf272a06afccceb397f9e28480d8c9bcf0a20097f3f27f4544f4f",
    );
  });

  test("is what its listing says, by an independent disassembler", (t) => {
    if (!findProgram("objdump")) return t.skip("binutils is not installed");
    const file = join(temporaryDirectory(t), "program");
    writeFileSync(file, probeProgram());
    const longMode = 0x8a;
    const tables = 0x2b8;
    const disassembled = [
      ...disassemble(file, "i386", 0, longMode),
      ...disassemble(file, "i386:x86-64", longMode, tables),
    ];
    assert.deepEqual(disassembled, listed());
  });
});

describe("the probe's kernel file", () => {
  test("is an ELF file with one segment and the entry point of the PVH protocol", (t) => {
    const elf = pvhElf(Buffer.from([0xf4]), probeAddress, 0x1000);
    assert.equal(elf.subarray(0, 4).toString("latin1"), "\x7fELF");
    assert.equal(elf.length, 0x101);
    assert.equal(elf[0x100], 0xf4);
    if (!findProgram("readelf")) return t.skip("binutils is not installed");
    const file = join(temporaryDirectory(t), "kernel");
    writeFileSync(file, elf);
    const read = execFileSync("readelf", ["-h", "-l", "-n", "-W", file], { encoding: "utf8" });
    assert.match(read, /Entry point address: +0x100000/);
    assert.match(read, /LOAD +0x000100 0x0*100000 0x0*100000 0x000001 0x001000 RWE 0x1000/);
    assert.match(read, /NOTE +0x0000b0 /);
    const note = Buffer.from("040000000800000012000000" + "58656e00" + "0000100000000000", "hex");
    assert.deepEqual(elf.subarray(0xb0, 0xb0 + note.length), note);
  });
});

interface Instruction {
  bytes: string;
  name: string;
}

/** Bytes and mnemonic of every instruction of the listing, in order, without its tables. */
function listed(): Instruction[] {
  const code = source.slice(source.indexOf("entry:"), source.indexOf("gdt:\n"));
  return Array.from(code.matchAll(/^((?:[0-9a-f]{2} )+) +(\S+)/gm), ([, bytes = "", name = ""]) => ({
    bytes: bytes.trim(),
    name,
  }));
}

function disassemble(file: string, machine: string, from: number, to: number): Instruction[] {
  const range = [`--start-address=${from}`, `--stop-address=${to}`];
  const args = ["-D", "-b", "binary", "-m", machine, "-M", "intel", "-w", ...range, file];
  const text = execFileSync("objdump", args, { encoding: "utf8" });
  return Array.from(
    text.matchAll(/^\s+[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t(\S+)/gm),
    ([, bytes = "", name = ""]) => ({
      bytes: bytes.trim(),
      name: name === "lgdtd" ? "lgdt" : name,
    }),
  );
}
