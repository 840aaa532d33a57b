import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DecodedPacket, decode, encode, type Packet, type Question } from "dns-packet";
import fc from "fast-check";
import { answerQuery } from "../../../src/network/dns/answer.ts";

const lookup = (name: string): string | undefined => (name === "dev" ? "127.80.1.2" : undefined);

function ask(name: string, type = "A", more: Partial<Packet> = {}): DecodedPacket & { rcode?: string } {
  const questions = [{ name, type, class: "IN" } as Question];
  const bytes = encode({ type: "query", id: 77, flags: 0x0100, questions, ...more });
  const answer = answerQuery(bytes, lookup);
  assert.ok(answer);
  const packet = decode(answer) as DecodedPacket & { rcode?: string };
  assert.equal(packet.id, 77);
  assert.equal(packet.type, "response");
  return packet;
}

describe("a question", () => {
  test("for the address of a machine is answered with authority, whatever its case", () => {
    for (const name of ["dev.vm", "DEV.vm", "Dev.VM"]) {
      const { answers, rcode, flag_aa, flag_rd } = ask(name);
      assert.deepEqual([rcode, flag_aa, flag_rd], ["NOERROR", true, true]);
      assert.deepEqual(
        answers?.map((answer) => ("data" in answer ? [answer.name, answer.type, answer.data] : [])),
        [[name, "A", "127.80.1.2"]],
      );
    }
  });

  test("for another record of a machine gets none, and no denial of the machine", () => {
    for (const type of ["AAAA", "MX", "TXT", "HTTPS", "SOA"]) {
      const { answers, authorities, rcode, flag_aa } = ask("dev.vm", type);
      assert.deepEqual([rcode, flag_aa, answers, authorities?.[0]?.type], ["NOERROR", true, [], "SOA"]);
    }
    assert.equal(ask("vm", "SOA").rcode, "NOERROR");
  });

  test("for an unknown name is denied with authority", () => {
    for (const name of ["other.vm", "a.dev.vm", "-.vm"]) {
      const { answers, authorities, rcode, flag_aa } = ask(name);
      assert.deepEqual([rcode, flag_aa, answers, authorities?.[0]?.type], ["NXDOMAIN", true, [], "SOA"]);
    }
  });

  test("about somebody else's zone is refused", () => {
    for (const name of ["example.com", "dev.localhost", "vm.com", "", "xvm"]) {
      const { answers, rcode, flag_aa } = ask(name);
      assert.deepEqual([rcode, flag_aa, answers], ["REFUSED", false, []]);
    }
  });

  test("with EDNS is answered with EDNS", () => {
    const option = { type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] };
    const { additionals, answers } = ask("dev.vm", "A", { additionals: [option as never] });
    assert.deepEqual([additionals?.[0]?.type, answers?.length], ["OPT", 1]);
    assert.deepEqual(ask("dev.vm").additionals, []);
  });

  test("that is no question gets a format error, or silence", () => {
    const code = (bytes: Buffer): number => (answerQuery(bytes, lookup)?.readUInt16BE(2) ?? -1) & 0xf;
    const two = [{ name: "dev.vm", type: "A" } as Question, { name: "x.vm", type: "A" } as Question];
    assert.equal(code(encode({ type: "query", id: 1, questions: two })), 1);
    assert.equal(code(encode({ type: "query", id: 1, questions: [] })), 1);
    assert.equal(code(Buffer.from("000100000001000000000000", "hex")), 1);
    assert.equal(code(Buffer.from("000110000001000000000000", "hex")), 4, "another opcode");
    assert.equal(answerQuery(Buffer.alloc(11), lookup), undefined);
    assert.equal(answerQuery(encode({ type: "response", id: 1 }), lookup), undefined);
  });
});

test("whatever bytes come, the answer is small or there is none", () => {
  const header = fc.tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), fc.uint8Array({ maxLength: 300 }));
  const shaped = header.map(([id, rest]) =>
    Buffer.concat([id, Buffer.from("0100000100000000", "hex"), rest]),
  );
  const valid = fc.tuple(fc.domain(), fc.nat(500), fc.nat(255)).map(([name, at, byte]) => {
    const bytes = encode({
      type: "query",
      id: 1,
      questions: [{ name: `${name.slice(0, 60)}.vm`, type: "A" }],
    });
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const any = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(any, shaped, valid), (bytes) => {
      const answer = answerQuery(bytes, lookup);
      assert.ok(answer === undefined || answer.length <= 1232, `${answer?.length}`);
    }),
    { numRuns: 2000 },
  );
});
