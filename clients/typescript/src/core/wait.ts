/**
 * Waits for the end of an execution without polling: the server ends the stream of events when the
 * execution ends. The stream is requested from a position after all events, so it has none.
 */

import { WaitTimeoutError } from "../errors.js";
import type { PathTemplate } from "./arguments.js";
import { Deadline } from "./deadline.js";
import { STREAM_TIMEOUT, streamDelay } from "./follow.js";
import { sleep } from "./retry.js";
import { checkTimeout } from "./settings.js";
import { readChunks, type Call, type Transport } from "./transport.js";

const AFTER_ALL_EVENTS = String(Number.MAX_SAFE_INTEGER);

/** A stream that ends sooner was ended by the shutdown of the server or by a proxy. */
const LONG_STREAM = 10_000;

export interface WaitOptions {
  /** Milliseconds to wait; then `WaitTimeoutError` is thrown. No limit by default. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** An execution to wait for. */
interface AwaitedExecution<E> {
  name: string;
  executionId: string;
  /** The path of its events. */
  events: PathTemplate;
  get: (signal: AbortSignal) => PromiseLike<E>;
  hasEnded: (execution: E) => boolean;
  options: WaitOptions;
}

/** Returns the ended execution. */
export async function waitForEnd<E>(
  transport: Transport,
  { name, executionId, events, get, hasEnded, options }: AwaitedExecution<E>,
): Promise<E> {
  const { timeout = Infinity, signal } = options;
  checkTimeout(timeout);
  const deadline = new Deadline(timeout, signal);
  const call: Call = {
    name,
    method: "GET",
    path: events,
    headers: { Accept: "text/event-stream", "Last-Event-ID": AFTER_ALL_EVENTS },
    options: { signal: deadline.signal },
    defaultTimeout: STREAM_TIMEOUT,
    executionId,
  };
  try {
    let execution = await get(deadline.signal);
    for (let shortStreams = 0; !hasEnded(execution);) {
      const isLong = await waitForStreamEnd(transport, call);
      execution = await get(deadline.signal);
      if (hasEnded(execution)) break;
      shortStreams = isLong ? 1 : shortStreams + 1;
      await sleep(streamDelay(transport, shortStreams), deadline.signal);
    }
    return execution;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw deadline.expired ? new WaitTimeoutError(executionId, timeout) : error;
  } finally {
    deadline.close();
  }
}

/** Waits until a stream ends or breaks. Returns whether that took long. */
async function waitForStreamEnd(transport: Transport, call: Call): Promise<boolean> {
  const started = performance.now();
  const opened = await transport.open(call);
  try {
    for await (const _ of readChunks(opened));
  } catch {
    // The caller gets the execution, and connects again if it has not ended.
  } finally {
    opened.deadline.close();
  }
  return performance.now() - started > LONG_STREAM;
}
