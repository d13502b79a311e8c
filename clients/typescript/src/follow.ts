/**
 * Following an execution over several connections without losing or repeating an event.
 *
 * Several events can have the same sequence number (a task that settles is a `task` and a `progress`
 * event), older servers gave them one id, and a connection can break between them. So a new
 * connection begins after the last number that is known to be whole, and what was seen of the next
 * one is skipped.
 */

import { ConnectionFailedError, StepwellError, UnexpectedAnswerError } from "./errors.js";
import { chunks, type Call, type CallOptions, type Http, type Open } from "./http.js";
import { Lines, Messages, type Message } from "./lines.js";
import { camel } from "./names.js";
import { delay, pause } from "./retry.js";

/** The server sends a comment every 15 s; a stream that is quiet for longer is broken. */
const STREAM_TIMEOUT = 60_000;

/** What the events of every API have. */
interface Event {
  event: string;
  id: string;
  sequence: number;
}

/** The reader's place in the events of one execution. */
export class Follower<E extends Event> {
  /** Whether the last event was seen. */
  ended = false;
  /** Whether this connection brought something new. */
  heard = false;
  private current: number | undefined;
  private seen = 0;
  private skip = 0;
  private lines = new Lines();
  private messages = new Messages();

  /**
   * @param whole everything up to this event is known
   * @param opaque the fields whose content belongs to users
   * @param final the statuses after which there are no more events
   */
  constructor(
    private whole: number | string,
    private readonly opaque: ReadonlySet<string>,
    private readonly final: ReadonlySet<string>,
  ) {}

  /** Begins a connection; the headers it needs. */
  connect(): Record<string, string> {
    this.lines = new Lines();
    this.messages = new Messages();
    this.skip = this.seen;
    this.heard = false;
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.whole !== 0) headers["Last-Event-ID"] = String(this.whole);
    return headers;
  }

  /** The events that this chunk completes, without those that were seen before. */
  *feed(chunk: Uint8Array): Generator<E> {
    for (const line of this.lines.feed(chunk)) {
      const message = this.messages.feed(line);
      const event = message && read<E>(message, this.opaque);
      if (event && this.isNew(event)) {
        this.heard = true;
        yield event;
      }
    }
  }

  private isNew(event: E): boolean {
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
    const status = event.event === "status" ? (event as { status?: string }).status : undefined;
    this.ended ||= this.final.has(status ?? "");
    return true;
  }
}

function read<E extends Event>(message: Message, opaque: ReadonlySet<string>): E {
  try {
    const data = camel(JSON.parse(message.data), opaque) as E;
    if (typeof data.sequence !== "number") throw new TypeError("`sequence` is not a number");
    return { ...data, event: message.event, id: message.id };
  } catch (cause) {
    const told = `the event \`${message.event}\` is not readable: ${message.data.slice(0, 100)}`;
    throw new UnexpectedAnswerError(told, undefined, cause);
  }
}

/** What is followed, and by whom. */
interface Following<E extends Event> {
  executionId: string;
  path: string;
  follower: Follower<E>;
  /** Looks at the execution. */
  hasEnded: () => Promise<boolean>;
  options: CallOptions;
}

/** The events of an execution until it ended. */
export async function* follow<E extends Event>(
  http: Http,
  { executionId, path, follower, hasEnded, options }: Following<E>,
): AsyncGenerator<E> {
  const { signal } = options;
  for (let failed = 0; !follower.ended;) {
    let cause: Error | undefined;
    let opened: Open | undefined;
    try {
      const headers = follower.connect();
      const call: Call = { method: "GET", path, headers, timeout: STREAM_TIMEOUT, ...options };
      opened = await http.open(call);
      for await (const chunk of chunks(opened)) yield* follower.feed(chunk);
    } catch (error) {
      // Refusals have had their retries inside `open`.
      if (error instanceof StepwellError || !opened) throw error;
      cause = http.broken(error, opened.clock, signal, executionId);
      if (!(cause instanceof ConnectionFailedError)) throw cause;
    } finally {
      opened?.clock.close();
    }
    if (follower.ended) return;
    if (follower.heard) failed = 0;
    // Else it ended before the reader's place, or the server stops.
    else if (!cause && (await hasEnded())) return;
    failed += 1;
    const wait = delay(http.policy, failed);
    const closed = "the server closed the stream before the execution ended";
    if (wait === undefined) throw cause ?? new ConnectionFailedError(closed, { executionId });
    await pause(wait, signal);
  }
}
