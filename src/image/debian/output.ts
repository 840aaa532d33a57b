import type { Report } from "../../lib/context.ts";

const stage = "image.packages";
/** Units of apt's sizes. */
const units: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Follows what mmdebstrap and the apt and dpkg that it runs print, and reports how far they are. It knows little of them
 * on purpose: a line that it does not know changes nothing.
 */
export class BuildProgress {
  readonly #report: Report;
  #downloaded = 0;
  #toDownload = 0;
  #packages = 0;
  #steps = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  line(text: string): void {
    const phase = /^I: (.+?)\.*$/.exec(text)?.[1];
    if (phase) this.#phase(phase);
    const wanted = /^Need to get ([\d.,]+) ([kMG]?B)[ /]/.exec(text);
    if (wanted) this.#toDownload += sizeOf(wanted[1], wanted[2]);
    const count = /^\d+ upgraded, (\d+) newly installed/.exec(text);
    if (count) this.#packages += Number(count[1]);
    const got = /^Get:\d+ .+ \[([\d.,]+) ([kMG]?B)\]$/.exec(text);
    if (got && this.#toDownload > 0) this.#download(sizeOf(got[1], got[2]));
    if (/^(Unpacking|Setting up) /.test(text)) this.#install();
  }

  /** mmdebstrap's own milestones. */
  #phase(phase: string): void {
    if (phase.startsWith("running apt-get update")) this.#say("reading the package lists");
    if (phase.startsWith("extracting archives")) this.#say("unpacking the base system");
  }

  #download(bytes: number): void {
    this.#downloaded += bytes;
    this.#report({
      stage,
      state: "progress",
      message: "downloading packages",
      current: Math.round(Math.min(this.#downloaded, this.#toDownload)),
      total: Math.round(this.#toDownload),
      unit: "bytes",
    });
  }

  /** Every package is unpacked and set up; those of the base system are counted when they are set up for good. */
  #install(): void {
    this.#steps += 1;
    const total = Math.max(this.#packages * 2, this.#steps);
    this.#report({
      stage,
      state: "progress",
      message: "installing packages",
      current: this.#steps,
      total,
      unit: "items",
    });
  }

  #say(message: string): void {
    this.#report({ stage, state: "progress", message });
  }
}

function sizeOf(number = "0", unit = "B"): number {
  return Number(number.replace(/,/g, "")) * (units[unit] ?? 1);
}

/** Cuts a stream of chunks into lines; overlong ones are passed on in pieces. */
export class LineSplitter {
  readonly #take: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") this.#take(line);
    if (this.#rest.length > lineLimit) this.end();
  }

  end(): void {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
  }
}

const lineLimit = 64 * 1024;

/** The end of what a program printed, at most about 256 KiB. */
export class OutputTail {
  readonly #lines: string[] = [];
  #size = 0;

  push(line: string): void {
    this.#lines.push(line);
    this.#size += line.length + 1;
    while (this.#size > tailLimit && this.#lines.length > 1) {
      this.#size -= (this.#lines.shift()?.length ?? 0) + 1;
    }
  }

  text(): string {
    return this.#lines.join("\n");
  }
}

const tailLimit = 256 * 1024;
