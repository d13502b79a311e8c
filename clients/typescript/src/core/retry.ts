/** Retry policy: which responses are retried, and after which delay. */

/** The server rejected the request before it did anything, so any method can be sent again. */
const RATE_LIMITED = 429;

/** Retried if repeating the request has no second effect. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);

/** With `Retry-After`: the first request with this idempotency key is still in progress. */
const CONFLICT = 409;

/** The delays before retries: exponential backoff with jitter. All times are milliseconds. */
export interface RetryPolicy {
  /** Before the first retry; it doubles with each. 250 by default. */
  baseDelay: number;
  /** 8 000 by default. */
  maxDelay: number;
  /** A request is not retried if `Retry-After` is more than this. 60 000 by default. */
  maxRetryAfter: number;
}

export const DEFAULT_POLICY: RetryPolicy = {
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

/** Milliseconds before the retry with this number, counted from 1; undefined: do not retry. */
export function retryDelay(
  policy: RetryPolicy,
  retry: number,
  headers?: Headers,
): number | undefined {
  const requested = parseRetryAfter(headers?.get("retry-after") ?? undefined);
  if (requested !== undefined) return requested <= policy.maxRetryAfter ? requested : undefined;
  const full = Math.min(policy.maxDelay, policy.baseDelay * 2 ** Math.min(retry - 1, 30));
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
