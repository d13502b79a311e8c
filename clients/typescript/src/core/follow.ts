/**
 * Follows the events of an execution across connections without losing or repeating one.
 *
 * Several events can have the same sequence number (a task that finishes is a `task` and a
 * `progress` event), older servers gave them the same id, and a connection can break between them.
 * So a new connection starts after the last sequence number whose events are all known, and the
 * events of the next number that were already delivered are skipped.
 */

import { ConnectionFailedError, StepwellError, UnexpectedResponseError } from "../errors.js";
import { decodeFields } from "./field-names.js";
import { EventParser, LineSplitter, type ServerSentEvent } from "./lines.js";
import { retryDelay, sleep } from "./retry.js";
import { readChunks, type Call, type OpenResponse, type Transport } from "./transport.js";

/** The server sends a comment every 15 s, so a stream without data for longer is broken. */
export const STREAM_TIMEOUT = 60_000;

/** The common fields of the events of all APIs. */
interface Event {
  event: string;
  id: string;
  sequence: number;
}

/** The position in the events of one execution. */
export class EventFollower<E extends Event> {
  /** Whether the final event was delivered. */
  ended = false;
  /** Whether this connection had a new event. */
  hasNewEvents = false;
  /** The sequence number of the last event, and how many of its events are delivered. */
  private current: number | undefined;
  private delivered = 0;
  /** How many events of the current number this connection still repeats. */
  private toSkip = 0;
  private lines = new LineSplitter();
  private parser = new EventParser();

  /**
   * @param resumeAfter all events up to this position are delivered
   * @param userData the fields with user data
   * @param finalStatuses the statuses after which there are no more events
   */
  constructor(
    private resumeAfter: number | string,
    private readonly userData: ReadonlySet<string>,
    private readonly finalStatuses: ReadonlySet<string>,
  ) {}

  /** Prepares for a new connection; returns the headers of its request. */
  startConnection(): Record<string, string> {
    this.lines = new LineSplitter();
    this.parser = new EventParser();
    this.toSkip = this.delivered;
    this.hasNewEvents = false;
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.resumeAfter !== 0) headers["Last-Event-ID"] = String(this.resumeAfter);
    return headers;
  }

  /** The events that this chunk completes, without those that were delivered before. */
  *feed(chunk: Uint8Array): Generator<E> {
    for (const line of this.lines.feed(chunk)) {
      const message = this.parser.feed(line);
      const event = message && decode<E>(message, this.userData);
      if (event && this.isNew(event)) {
        this.hasNewEvents = true;
        yield event;
      }
    }
  }

  private isNew(event: E): boolean {
    if (event.sequence === this.current) {
      if (this.toSkip > 0) {
        this.toSkip -= 1;
        return false;
      }
      this.delivered += 1;
    } else {
      this.resumeAfter = this.current ?? this.resumeAfter;
      this.current = event.sequence;
      this.delivered = 1;
      this.toSkip = 0;
    }
    const status = event.event === "status" ? (event as { status?: string }).status : undefined;
    this.ended ||= this.finalStatuses.has(status ?? "");
    return true;
  }
}

function decode<E extends Event>(message: ServerSentEvent, userData: ReadonlySet<string>): E {
  try {
    const data = decodeFields(JSON.parse(message.data), userData) as E;
    if (typeof data.sequence !== "number") throw new TypeError("`sequence` is not a number");
    return { ...data, event: message.event, id: message.id };
  } catch (cause) {
    const text = `the event \`${message.event}\` ${message.id} cannot be decoded`;
    throw new UnexpectedResponseError(text, undefined, cause);
  }
}

/** An execution to follow. */
interface FollowedExecution<E extends Event> {
  call: Call;
  follower: EventFollower<E>;
  hasEnded: () => Promise<boolean>;
}

/** Yields the events of an execution; reconnects until its end. */
export async function* follow<E extends Event>(
  transport: Transport,
  { call, follower, hasEnded }: FollowedExecution<E>,
): AsyncGenerator<E> {
  const { executionId } = call;
  const signal = call.options?.signal;
  for (let failures = 0; !follower.ended;) {
    let cause: Error | undefined;
    let opened: OpenResponse | undefined;
    try {
      const headers = follower.startConnection();
      opened = await transport.open({ ...call, headers, defaultTimeout: STREAM_TIMEOUT });
      for await (const chunk of readChunks(opened)) yield* follower.feed(chunk);
    } catch (error) {
      // `open` has already retried its errors.
      if (error instanceof StepwellError || !opened) throw error;
      cause = transport.transportError(error, { deadline: opened.deadline, signal, executionId });
      if (!(cause instanceof ConnectionFailedError)) throw cause;
    } finally {
      opened?.deadline.close();
    }
    if (follower.ended) return;
    if (follower.hasNewEvents) failures = 0;
    // Without events, the execution ended before the position, or the server shuts down.
    else if (!cause && (await hasEnded())) return;
    failures += 1;
    if (failures > transport.settings.maxRetries) {
      const message = "the server closed the stream before the execution ended";
      throw cause ?? new ConnectionFailedError(message, { executionId });
    }
    transport.settings.logger.info(`${call.name}: reconnecting, ${cause?.message ?? "closed"}`);
    await sleep(streamDelay(transport, failures), signal);
  }
}

/** Milliseconds before connecting again, for the `failures`th time. */
export function streamDelay(transport: Transport, failures: number): number {
  return retryDelay(transport.settings.retryPolicy, failures) ?? 0;
}
