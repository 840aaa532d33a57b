export interface HeartbeatOptions {
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Milliseconds of silence that are too many. */
  readonly patience: number;
  /** Asks the other side for a sign of life. */
  readonly ask: () => void;
  /** Called once. */
  readonly onSilence: () => void;
}

/**
 * Notices a channel that hangs without being closed. A look counts one interval at most: a host that slept, or was too
 * busy to look, does not take its own absence for the guest's.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #heard = true;
  #silence = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.interval).unref();
  }

  /** Something came from the other side. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { interval, patience, ask, onSilence } = this.#options;
    this.#silence = this.#heard ? 0 : this.#silence + interval;
    this.#heard = false;
    if (this.#silence < patience) {
      ask();
    } else {
      this.stop();
      onSilence();
    }
  }
}
