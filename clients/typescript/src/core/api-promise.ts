/** The promise that every call returns: its value, and on request the response. */

/** The rate limit of the key, from the headers of a response. */
export interface RateLimit {
  limit: number;
  remaining: number;
  /** When `remaining` is `limit` again. */
  reset: Date;
}

/** A response whose body has been read. */
export interface ReceivedResponse {
  status: number;
  statusText: string;
  headers: Headers;
  body: string;
}

/** The value of a call with the response that it was decoded from. */
export interface ResponseWithData<T> {
  data: T;
  response: Response;
  /** Identifies the request in the server's log. */
  requestId: string | undefined;
  /** Undefined: the server sent no limit, or the limit is infinite. */
  rateLimit: RateLimit | undefined;
}

/** The promise of a call. Awaiting it gives the value; the request is sent in any case. */
export class APIPromise<T> extends Promise<T> {
  readonly #received: Promise<ReceivedResponse>;

  /** `then` and `catch` return plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** @internal */
  constructor(received: Promise<ReceivedResponse>, decode: (received: ReceivedResponse) => T) {
    super((resolve, reject) => {
      received.then(decode).then(resolve, reject);
    });
    this.#received = received;
  }

  /** Returns the response, with an unread body. Unsuccessful responses are thrown as usual. */
  async asResponse(): Promise<Response> {
    // If the body cannot be decoded, the response is still useful.
    this.catch(() => undefined);
    return toResponse(await this.#received);
  }

  /** Returns the value together with the response, its request id and its rate limit. */
  async withResponse(): Promise<ResponseWithData<T>> {
    const data = await this;
    const received = await this.#received;
    return {
      data,
      response: toResponse(received),
      requestId: requestIdOf(received.headers),
      rateLimit: rateLimitOf(received.headers),
    };
  }
}

/** Statuses for which `Response` accepts no body. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function toResponse({ status, statusText, headers, body }: ReceivedResponse): Response {
  return new Response(WITHOUT_BODY.has(status) ? null : body, { status, statusText, headers });
}

export function requestIdOf(headers: Headers): string | undefined {
  return headers.get("x-request-id") ?? undefined;
}

/** The server sends this number if there is no limit. */
const UNLIMITED = 2_147_483_647;

export function rateLimitOf(headers: Headers): RateLimit | undefined {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) => {
    const value = headers.get(`x-rate-limit-${name}`);
    return value === null || value.trim() === "" ? Number.NaN : Number(value);
  });
  if (limit === undefined || remaining === undefined || reset === undefined) return undefined;
  if (![limit, remaining, reset].every(Number.isFinite) || limit >= UNLIMITED) return undefined;
  return { limit, remaining, reset: new Date(reset * 1000) };
}
