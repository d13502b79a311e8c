/** What the calls of the management API on one kind of object have in common. */

import { UnexpectedAnswerError } from "./errors.js";
import type { Call, CallOptions, Http, Query } from "./http.js";
import type { Page } from "./managed-models.js";
import { camel, MANAGEMENT, snake } from "./names.js";

/** Calls that are sent by a client. */
export class Resource {
  /** @internal */
  constructor(protected readonly http: Http) {}

  /** The `data` of the answer. @internal */
  protected async send<T>(call: Call): Promise<T> {
    const body = call.body === undefined ? undefined : snake(call.body, MANAGEMENT);
    const answer = camel(await this.http.send({ ...call, body }), MANAGEMENT);
    const { data } = (answer ?? {}) as { data?: T };
    if (data === undefined) {
      throw new UnexpectedAnswerError(`the answer to ${call.method} ${call.path} has no data`);
    }
    return data;
  }

  /** A page of a list. @internal */
  protected async page<T>(path: string, options: CallOptions & object): Promise<Page<T>> {
    const { signal, timeout, ...asked } = options;
    const query = queryOf(asked);
    return await this.send({ method: "GET", path, query, ...rest(signal, timeout) });
  }

  /** All items of a list, page by page. @internal */
  protected async *each<T>(path: string, options: CallOptions & object): AsyncGenerator<T> {
    const { signal, timeout, ...asked } = options;
    const query = { page_size: 100, ...queryOf(asked) };
    yield* allPages<T>((turn) => {
      const asking: Query = { ...query, ...turn };
      return this.send({ method: "GET", path, query: asking, ...rest(signal, timeout) });
    });
  }
}

/** All items of a list whose pages `ask` gets: the first, then the one that each page names. */
export async function* allPages<T>(
  ask: (turn: { page?: number; cursor?: string }) => Promise<Page<T>>,
): AsyncGenerator<T> {
  for (let turn = {}; ;) {
    const { items, pagination } = await ask(turn);
    yield* items;
    const { page, totalPages, nextCursor } = pagination;
    if (nextCursor) turn = { cursor: nextCursor };
    else if (page !== null && page < totalPages) turn = { page: page + 1 };
    else return;
  }
}

function rest(signal: AbortSignal | undefined, timeout: number | undefined): CallOptions {
  return { ...(signal ? { signal } : {}), ...(timeout === undefined ? {} : { timeout }) };
}

/** What a list is asked with; labels are marked, since one can have the name of a parameter. */
function queryOf(options: object): Query {
  const { metadata = {}, ...fields } = options as { metadata?: Record<string, string> };
  const query: Query = {};
  for (const [name, value] of Object.entries(snake(fields, MANAGEMENT) as object)) {
    query[name] = parameter(value);
  }
  for (const [name, value] of Object.entries(metadata)) {
    query[`metadata.${name}`] = value;
  }
  return query;
}

function parameter(value: unknown): string | number {
  if (typeof value === "number") return value;
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(",") : String(value);
}
