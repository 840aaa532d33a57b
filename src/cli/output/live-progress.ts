import type { Progress } from "../../lib/context.ts";
import type { OutputStream } from "../world.ts";
import type { ProgressView } from "./progress.ts";
import { Rate } from "./rate.ts";
import { amount, speed } from "./stage.ts";
import { type Style, styleFor } from "./style.ts";
import { duration } from "./time.ts";
import { cut, printable } from "./width.ts";

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
/** Milliseconds between two drawings. */
const interval = 100;

/** Stages that still run say how long they take before this. */
const patience = 1000;

interface Stage {
  text: string;
  began: number;
  latest: Progress;
  rate: Rate;
}

/** Finished stages stay as lines; those that run are redrawn below them (ECMA-48 cursor up, erase below). */
export class LiveProgress implements ProgressView {
  readonly #stream: OutputStream;
  readonly #style: Style;
  readonly #running = new Map<string, Stage>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #drawn = 0;

  constructor(stream: OutputStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream;
    this.#style = styleFor(stream, env);
  }

  report(progress: Progress, target?: string): void {
    const key = `${target ?? ""}\0${progress.stage}`;
    const message = printable(progress.message);
    const text = target === undefined ? message : `${target}: ${message}`;
    if (progress.state === "note") this.note(text);
    else if (progress.state === "done") this.#finish(key, text, progress);
    else this.#keep(key, text, progress);
  }

  #finish(key: string, text: string, { elapsed }: Progress): void {
    this.#running.delete(key);
    const time = elapsed === undefined ? "" : this.#style.dim(` ${duration(elapsed)}`);
    this.#permanent(`${this.#style.green("✓")} ${this.#cut(text, 12)}${time}`);
  }

  note(text: string): void {
    this.#permanent(`${this.#style.dim("·")} ${printable(text)}`);
  }

  end(failed = false): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    let lines = this.#erase();
    if (failed) {
      for (const { text } of this.#running.values()) {
        lines += `${this.#style.red("✗")} ${this.#cut(text, 2)}\n`;
      }
    }
    this.#running.clear();
    if (lines !== "") this.#stream.write(lines);
  }

  #keep(key: string, text: string, latest: Progress): void {
    const now = performance.now();
    const { began, rate } = this.#running.get(key) ?? { began: now, rate: new Rate() };
    if (latest.current !== undefined) rate.note(latest.current, now);
    this.#running.set(key, { text, began, latest, rate });
    if (!this.#timer) {
      this.#timer = setInterval(() => this.#draw(""), interval).unref();
      this.#draw("");
    }
  }

  #permanent(line: string): void {
    this.#draw(`${line}\n`);
  }

  #draw(above: string): void {
    this.#frame = (this.#frame + 1) % frames.length;
    const room = Math.max(1, (this.#rows() ?? 24) - 2);
    const lines = [...this.#running.values()].slice(0, room).map((stage) => `${this.#line(stage)}\n`);
    this.#stream.write(`${this.#erase()}${above}${lines.join("")}`);
    this.#drawn = lines.length;
  }

  #erase(): string {
    const drawn = this.#drawn;
    this.#drawn = 0;
    return drawn === 0 ? "" : `\x1b[${drawn}A\r\x1b[J`;
  }

  #line({ text, began, latest, rate }: Stage): string {
    const now = performance.now();
    const elapsed = now - began;
    const time = elapsed < patience ? "" : duration(Math.floor(elapsed / 1000) * 1000).replace(".0 s", " s");
    const fast = speed(latest, rate.perSecond(now));
    const tail = [amount(latest), fast, time].filter((part) => part !== "").join("  ");
    const spinner = this.#style.cyan(frames[this.#frame] as string);
    const head = this.#cut(text, 4 + tail.length);
    return `${spinner} ${head}${tail === "" ? "" : `  ${this.#style.dim(tail)}`}`;
  }

  /** One line is one row: what is too long would scroll and could not be erased. */
  #cut(text: string, reserved: number): string {
    return cut(text, Math.max(8, (this.#stream.columns || 80) - reserved - 1));
  }

  #rows(): number | undefined {
    return this.#stream.rows;
  }
}
