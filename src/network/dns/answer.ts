import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Packet } from "dns-packet";

/** The zone of the machines. */
export const zone = "vm";

/** A name that every one of these servers knows, and no machine can have, and its address: tells whether it is asked at all. */
export const probeName = `_banger.${zone}`;
export const probeAddress = "127.0.0.1";

/** Gives the address of a machine by its name. */
export type Lookup = (name: string) => string | undefined;

/** Seconds that an answer may be kept: a machine's address lasts, but names come and go. */
const ttl = 2;
const headerSize = 12;
/** A question of one name and the options that clients send fit easily. */
const longestQuery = 1024;
/** Bytes that an answer to UDP may have anywhere (the value that DNS Flag Day 2020 settled on). */
const udpSize = 1232;
const codes = { noError: 0, format: 1, notImplemented: 4, nameError: 3, refused: 5 } as const;
const responseBit = 0x8000;

/**
 * The answer to a query (RFC 1035, RFC 2308): addresses of `<name>.vm`, authoritative "no such name" and "no such record", and a
 * refusal of everything outside the zone. Undefined where silence is the answer.
 */
export function answerQuery(bytes: Buffer, lookup: Lookup): Buffer | undefined {
  if (bytes.length < headerSize || (bytes.readUInt16BE(2) & responseBit) !== 0) return undefined;
  const id = bytes.readUInt16BE(0);
  const opcode = (bytes.readUInt16BE(2) >> 11) & 0xf;
  if (opcode !== 0) return failure(id, codes.notImplemented);
  const query = read(bytes);
  const [question, ...more] = query?.questions ?? [];
  if (!query || !question || more.length > 0) return failure(id, codes.format);
  const labels = question.name.toLowerCase().split(".");
  const head = { id, questions: [question], additionals: options(query) };
  const recursion = (query.flags ?? 0) & 0x0100;
  if (labels.at(-1) !== zone || (question.class !== "IN" && question.class !== undefined)) {
    return encode({ ...head, type: "response", flags: recursion | codes.refused });
  }
  const flags = recursion | AUTHORITATIVE_ANSWER;
  const [name = ""] = labels;
  const address = labels.length === 2 ? addressOf(name, lookup) : undefined;
  const exists = labels.length === 1 || address !== undefined;
  const wanted = question.type === "A" || (question.type as string) === "ANY";
  if (address !== undefined && wanted) {
    const answers: Answer[] = [{ type: "A", name: question.name, ttl, data: address }];
    return encode({ ...head, type: "response", flags, answers });
  }
  const code = exists ? codes.noError : codes.nameError;
  return encode({ ...head, type: "response", flags: flags | code, authorities: [authority] });
}

function addressOf(name: string, lookup: Lookup): string | undefined {
  return `${name}.${zone}` === probeName ? probeAddress : lookup(name);
}

/** Says for how long a name's absence may be kept: its `minimum`. */
const authority: Answer = {
  type: "SOA",
  name: zone,
  ttl,
  data: {
    mname: `ns.${zone}`,
    rname: `hostmaster.${zone}`,
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86_400,
    minimum: ttl,
  },
};

function read(bytes: Buffer): Packet | undefined {
  // Of an answer section, which no query has, the codec would build what a sender likes.
  if (bytes.length > longestQuery || bytes.readUInt16BE(4) > 1 || bytes.readUInt32BE(6) !== 0)
    return undefined;
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** A client that speaks EDNS is answered in it (RFC 6891). */
function options({ additionals = [] }: Packet): Answer[] {
  const asked = additionals.some(({ type }) => type === "OPT");
  const option = { type: "OPT", name: ".", udpPayloadSize: udpSize, flags: 0, options: [] };
  return asked ? [option as unknown as Answer] : [];
}

function failure(id: number, code: number): Buffer {
  return encode({ id, type: "response", flags: code });
}
