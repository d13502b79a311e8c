/**
 * Following an execution over several connections without losing or repeating an event. No I/O.
 *
 * Several events can have the same id (a task that settles is a `task` and a `progress` event),
 * and a connection can break between them. So a new connection begins after the last id that is
 * known to be whole, and what was seen of the next one is skipped.
 */

import { UnexpectedAnswerError } from "./errors.js";
import { Lines, Messages, type Message } from "./lines.js";
import type { ExecutionEvent, ExecutionStatus } from "./models.js";
import { camel, DATAFLOW } from "./names.js";

/** Whether nothing further happens to an execution of that status. */
export function hasEnded(status: ExecutionStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}

/** The reader's place in the events of one execution. */
export class Follower {
  /** Whether the last event was seen. */
  ended = false;
  /** Whether this connection brought something new. */
  heard = false;
  private current: number | undefined;
  private seen = 0;
  private skip = 0;
  private lines = new Lines();
  private messages = new Messages();

  /** @param whole everything up to this event is known */
  constructor(private whole: number) {}

  /** Begins a connection; the headers it needs. */
  connect(): Record<string, string> {
    this.lines = new Lines();
    this.messages = new Messages();
    this.skip = this.seen;
    this.heard = false;
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.whole > 0) headers["Last-Event-ID"] = String(this.whole);
    return headers;
  }

  /** The events that this chunk completes, without those that were seen before. */
  *feed(chunk: Uint8Array): Generator<ExecutionEvent> {
    for (const line of this.lines.feed(chunk)) {
      const message = this.messages.feed(line);
      const event = message && read(message);
      if (event && this.isNew(event)) {
        this.heard = true;
        yield event;
      }
    }
  }

  private isNew(event: ExecutionEvent): boolean {
    if (event.sequence === this.current) {
      if (this.skip > 0) {
        this.skip -= 1;
        return false;
      }
      this.seen += 1;
    } else {
      this.whole = this.current ?? this.whole;
      this.current = event.sequence;
      this.seen = 1;
      this.skip = 0;
    }
    this.ended ||= event.event === "status" && hasEnded(event.status);
    return true;
  }
}

function read(message: Message): ExecutionEvent {
  try {
    const data = camel(JSON.parse(message.data), DATAFLOW) as ExecutionEvent;
    if (typeof data.sequence !== "number") throw new TypeError("`sequence` is not a number");
    return { ...data, event: message.event } as ExecutionEvent;
  } catch (cause) {
    const told = `the event \`${message.event}\` is not readable: ${message.data.slice(0, 100)}`;
    throw new UnexpectedAnswerError(told, undefined, cause);
  }
}
