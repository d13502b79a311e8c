/** The time limit of a request. */

/** Longer times overflow `setTimeout`, which then fires at once. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Aborts a request after a time, or when the caller's signal is aborted. */
export class Deadline {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly abort = (): void => this.controller.abort();
  /** Whether the time is over. */
  expired = false;

  constructor(
    private readonly ms: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    if (outer?.aborted) this.abort();
    outer?.addEventListener("abort", this.abort, { once: true });
    this.start();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Restarts the time. */
  start(): void {
    this.stop();
    if (this.ms > MAX_TIMEOUT) return;
    this.timer = setTimeout(() => {
      this.expired = true;
      this.controller.abort();
    }, this.ms);
  }

  /** Stops the time. */
  stop(): void {
    clearTimeout(this.timer);
  }

  /** Ends the deadline and, if it is still open, the connection. */
  close(): void {
    this.stop();
    this.outer?.removeEventListener("abort", this.abort);
    this.controller.abort();
  }
}
