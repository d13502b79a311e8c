/** Sending requests: time-outs, retries, idempotency keys, errors. */

import {
  apiError,
  ConnectionFailedError,
  RequestTimeoutError,
  StepwellError,
  UnexpectedAnswerError,
} from "./errors.js";
import { environmentProxy, isLoopback, type Process } from "./proxy.js";
import {
  DEFAULT_POLICY,
  delay,
  pause,
  RETRIED,
  retryAfter,
  type RetryPolicy,
} from "./retry.js";

/** As in package.json. */
export const VERSION = "0.1.0";

/** What a client is made with. */
export interface ClientOptions {
  /** `STEPWELL_API_KEY` where it is left out. */
  apiKey?: string;
  /** `STEPWELL_URL` (or `STEPWELL_SERVER`) where it is left out. */
  baseUrl?: string;
  /** Milliseconds for each request, 30 000 by default. */
  timeout?: number;
  /** How often a request is sent again, 3 by default. */
  maxRetries?: number;
  /** More about that; its `maxRetries` counts only where the option above is left out. */
  retries?: Partial<RetryPolicy>;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch;
}

/** What each call takes. */
export interface CallOptions {
  /** Stops the call; it throws the signal's reason. What it asked for may happen all the same. */
  signal?: AbortSignal;
  /** Milliseconds, instead of the client's. */
  timeout?: number;
}

/** What each POST takes. */
export interface PostOptions extends CallOptions {
  /** Made by the client where it is left out. */
  idempotencyKey?: string;
}

/** Query parameters; what is undefined is left out. */
export type Query = Record<string, string | number | undefined>;

/** One request. */
export interface Call extends PostOptions {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Query;
  headers?: Record<string, string>;
  /** JSON, or YAML where it is a text. */
  body?: unknown;
  /** Whether sending it twice does the same as once: of GET and POST by itself. */
  repeatable?: boolean;
}

/** An answer whose body is still to be read, under a clock. */
export interface Open {
  response: Response;
  clock: Clock;
}

/** Fills the templates `{}` with escaped parts. */
export function path(template: string, ...parts: string[]): string {
  let next = 0;
  return template.replace(/\{\}/g, () => encodeURIComponent(parts[next++] ?? ""));
}

/** The headers that carry secrets. */
export function secretHeaders(secrets: Record<string, string>): Record<string, string> {
  const named = Object.entries(secrets).map(([name, value]) => [
    `X-Secret-${name.replaceAll("_", "-")}`,
    value,
  ]);
  return Object.fromEntries(named) as Record<string, string>;
}

/** Ends a request when its time is over or the caller wants it. */
export class Clock {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop = (): void => this.controller.abort();
  /** Whether the time is over. */
  late = false;

  constructor(
    private readonly ms: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    if (outer?.aborted) this.stop();
    outer?.addEventListener("abort", this.stop, { once: true });
    this.wind();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Begins the time anew. */
  wind(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.late = true;
      this.controller.abort();
    }, this.ms);
  }

  /** Ends the clock and, where it is still open, the connection. */
  close(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.stop);
    this.controller.abort();
  }
}

/** Sends calls to one server. */
export class Http {
  readonly baseUrl: string;
  readonly policy: RetryPolicy;
  /** Hidden also from those who print the client. */
  readonly #apiKey: string;
  private readonly timeout: number;
  private readonly fetch: typeof fetch;
  /** What the messages of lost connections end with. */
  private readonly proxy: string = "";
  private readonly agent: Record<string, string> = {};

  constructor(options: ClientOptions) {
    const { process } = globalThis as { process?: Process };
    const env = process?.env ?? {};
    // Browsers say who they are themselves.
    const agent = process?.versions?.["node"] ? `stepwell-typescript/${VERSION}` : undefined;
    if (agent) this.agent = { "User-Agent": agent };
    const url =
      options.baseUrl ?? env["STEPWELL_URL"] ?? env["STEPWELL_SERVER"] ?? "http://127.0.0.1:8080";
    // In a browser it can also be a path of the page's own origin.
    if (!/^(https?:\/\/[^/]|\/|$)/i.test(url)) {
      // Not shown: it can be the key, given in the wrong place.
      throw new TypeError("baseUrl must be an address like http://127.0.0.1:8080; it is none");
    }
    if (/^https?:/i.test(url)) this.proxy = checked(url, options.fetch ? {} : (process ?? {}));
    // Paths are said by the calls; some know the address with the one of the management API.
    this.baseUrl = url.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
    this.#apiKey = keyOf(options.apiKey ?? env["STEPWELL_API_KEY"] ?? "");
    this.timeout = options.timeout ?? 30_000;
    this.policy = { ...DEFAULT_POLICY, ...options.retries };
    if (options.maxRetries !== undefined) this.policy.maxRetries = options.maxRetries;
    const given = options.fetch;
    this.fetch = (input, init) => (given ?? globalThis.fetch)(input, init);
  }

  /** The JSON of the answer; undefined where it has no content. */
  send(call: Call): Promise<unknown> {
    return this.tries(call, async ({ response, clock }) => {
      const text = await response.text();
      clock.close();
      try {
        return text === "" ? undefined : (JSON.parse(text) as unknown);
      } catch (cause) {
        const told = `the answer to ${call.method} ${call.path} is not JSON`;
        throw new UnexpectedAnswerError(told, requestId(response), cause);
      }
    });
  }

  /** A successful answer whose body is still to come. Its clock has to be closed. */
  open(call: Call): Promise<Open> {
    return this.tries(call, (opened) => Promise.resolve(opened));
  }

  /** What `use` makes of a successful answer, after the retries. */
  private async tries<T>(call: Call, use: (opened: Open) => Promise<T>): Promise<T> {
    const { url, init } = this.request(call);
    // Most PUTs make a new release each time, and a DELETE that is repeated finds nothing.
    const repeatable = call.repeatable ?? (call.method === "GET" || call.method === "POST");
    for (let tried = 1; ; tried += 1) {
      const clock = new Clock(call.timeout ?? this.timeout, call.signal);
      let failure: Error;
      let wait: number | undefined;
      try {
        const response = await this.fetch(url, { ...init, signal: clock.signal });
        if (response.ok) return await use({ response, clock });
        failure = await refusal(response);
        if (RETRIED.has(response.status)) wait = delay(this.policy, tried, response.headers);
      } catch (cause) {
        failure = cause instanceof StepwellError ? cause : this.broken(cause, clock, call.signal);
        if (isPassing(failure)) wait = delay(this.policy, tried);
      }
      clock.close();
      if (!repeatable || wait === undefined) throw failure;
      await pause(wait, call.signal);
    }
  }

  /** The error for a connection that broke off. */
  broken(
    cause: unknown,
    clock: Clock,
    signal: AbortSignal | undefined,
    executionId?: string | undefined,
  ): Error {
    if (signal?.aborted) return signal.reason as Error;
    if (clock.late) {
      return new RequestTimeoutError(`${this.baseUrl} did not answer in time${this.proxy}`, executionId);
    }
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const told = inner instanceof Error ? inner.message : String(inner);
    return new ConnectionFailedError(`${this.baseUrl}: ${told}${this.proxy}`, { executionId, cause });
  }

  private request(call: Call): { url: string; init: RequestInit } {
    const headers: Record<string, string> = {
      Accept: "application/json",
      ...this.agent,
      ...call.headers,
    };
    if (this.#apiKey) headers["X-API-KEY"] = this.#apiKey;
    if (call.method === "POST") headers["Idempotency-Key"] = call.idempotencyKey ?? newKey();
    // The server never redirects; following would hand the key to whoever does.
    const init: RequestInit = { method: call.method, headers, redirect: "error" };
    if (typeof call.body === "string") {
      headers["Content-Type"] = "application/yaml";
      init.body = call.body;
    } else if (call.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(call.body);
    }
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const asked = query.toString();
    return { url: this.baseUrl + call.path + (asked ? `?${asked}` : ""), init };
  }
}

/**
 * Refuses an address that `fetch` refuses by showing it, and one of this machine that it sends to a
 * proxy. Names the proxy of another.
 */
function checked(text: string, process: Process): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError("baseUrl must be an address like http://127.0.0.1:8080; it is none");
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("baseUrl must not hold credentials; give the key as apiKey");
  }
  const proxy = environmentProxy(url, process);
  if (proxy === undefined) return "";
  if (isLoopback(url.hostname)) {
    throw new TypeError(
      `fetch would send what is for ${url.host}, which is this machine, to the proxy of ` +
        `${proxy.variable}; add ${url.hostname} to NO_PROXY, or give a fetch of your own`,
    );
  }
  return ` (through the proxy ${proxy.address} of ${proxy.variable})`;
}

/**
 * A key without the line end of the file that it was read from. What is wrong with it must not be
 * told by showing it.
 */
function keyOf(text: string): string {
  const key = text.trim();
  if (!/^[!-~]*$/.test(key)) throw new TypeError("apiKey has characters that no key has");
  if (key.includes("://")) throw new TypeError("apiKey is an address; give that as baseUrl");
  return key;
}

/** Whether a failure may pass by itself: a lost connection, but not the end of our own patience. */
function isPassing(failure: Error): boolean {
  return failure instanceof ConnectionFailedError && !(failure instanceof RequestTimeoutError);
}

/** The chunks of an answer; the clock is wound with each. */
export async function* chunks({ response, clock }: Open): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    clock.wind();
    yield value;
  }
}

function requestId(response: Response): string | undefined {
  return response.headers.get("x-request-id") ?? undefined;
}

async function refusal(response: Response): Promise<Error> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // The text itself is all there is to tell.
  }
  const wait = retryAfter(response.headers.get("retry-after") ?? undefined);
  return apiError(response.status, body, requestId(response), wait);
}

/** `crypto.randomUUID` exists in browsers on safe origins only; the rest everywhere. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
