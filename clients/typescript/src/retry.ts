/** When a request is sent again, and how long that waits. */

/** Statuses after which a request is sent again. */
export const RETRIED: ReadonlySet<number> = new Set([429, 503]);

/**
 * `maxRetries` more tries after the first, waiting `baseDelay` ms, then twice that, and so on up
 * to `maxDelay`, each with some jitter. Where the server says `Retry-After`, that counts instead;
 * more than `maxRetryAfter` ms is not waited for.
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

/** Milliseconds before the next try after `tried` of them; undefined: give up. */
export function delay(
  policy: RetryPolicy,
  tried: number,
  headers?: Headers | undefined,
): number | undefined {
  if (tried > policy.maxRetries) return undefined;
  const asked = retryAfter(headers?.get("retry-after") ?? undefined);
  if (asked !== undefined) return asked <= policy.maxRetryAfter ? asked : undefined;
  const whole = Math.min(policy.maxDelay, policy.baseDelay * 2 ** Math.min(tried - 1, 30));
  return whole * (0.75 + Math.random() * 0.25);
}

/** Milliseconds that a `Retry-After` asks for, which gives seconds or a date. */
export function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const seconds = Number(value);
  const wait = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Waits, unless the signal ends it. */
export function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
