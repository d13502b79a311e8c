/** Retry policy: which responses are retried, and after which delay. */

/** The server rejected the request before it did anything, so any method can be sent again. */
const RATE_LIMITED = 429;

/** Retried if repeating the request has no second effect. 502: a proxy did not reach the server. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([RATE_LIMITED, 502, 503]);

/** With `Retry-After`: the first request with this idempotency key is still in progress. */
const CONFLICT = 409;

/**
 * Exponential backoff with jitter; all times are milliseconds. After the first attempt there are up
 * to `maxRetries` more. The delay before them starts at `baseDelay` and doubles up to `maxDelay`. A
 * `Retry-After` header of the response replaces it; if that is more than `maxRetryAfter`, the
 * request is not retried.
 */
export interface RetryPolicy {
  maxRetries: number;
  baseDelay: number;
  maxDelay: number;
  maxRetryAfter: number;
}

export const DEFAULT_POLICY: RetryPolicy = {
  maxRetries: 3,
  baseDelay: 250,
  maxDelay: 8_000,
  maxRetryAfter: 60_000,
};

/**
 * Whether a request can be sent again after this response. `repeatable`: sending the request twice
 * has the same effect as sending it once.
 */
export function isRetryable(status: number, headers: Headers, repeatable: boolean): boolean {
  if (status === RATE_LIMITED) return true;
  if (status === CONFLICT) return repeatable && headers.has("retry-after");
  return repeatable && RETRIED_STATUSES.has(status);
}

/** Milliseconds before the next attempt, after `attempts` of them; undefined: do not retry. */
export function retryDelay(
  policy: RetryPolicy,
  attempts: number,
  headers?: Headers,
): number | undefined {
  if (attempts > policy.maxRetries) return undefined;
  const requested = parseRetryAfter(headers?.get("retry-after") ?? undefined);
  if (requested !== undefined) return requested <= policy.maxRetryAfter ? requested : undefined;
  const full = Math.min(policy.maxDelay, policy.baseDelay * 2 ** Math.min(attempts - 1, 30));
  return full * (0.75 + Math.random() * 0.25);
}

/** Milliseconds of a `Retry-After` header, which is a number of seconds or a date. */
export function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const seconds = Number(value);
  const wait = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Waits; rejects with the reason of the signal when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

const FIRST_POLL_INTERVAL = 50;
const MAX_POLL_INTERVAL = 1_000;

/**
 * Polls until `isDone`, at growing intervals. Undefined: the deadline, a time of
 * `performance.now()`, has passed.
 */
export async function poll<T>(
  get: () => Promise<T>,
  isDone: (value: T) => boolean,
  deadline: number | undefined,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  for (let interval = FIRST_POLL_INTERVAL; ;) {
    const value = await get();
    if (isDone(value)) return value;
    const remaining = deadline === undefined ? interval : deadline - performance.now();
    if (remaining <= 0) return undefined;
    await sleep(Math.min(interval, remaining), signal);
    interval = Math.min(interval * 1.5, MAX_POLL_INTERVAL);
  }
}
