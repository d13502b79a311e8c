/** Base class of the management API's calls on one kind of object. */

import { UnexpectedResponseError } from "./errors.js";
import { MANAGEMENT_USER_DATA, toCamelCase, toSnakeCase } from "./field-names.js";
import type { Call, CallOptions, HttpTransport, Query } from "./http.js";
import type { Page } from "./managed-models.js";

/** A group of calls that a client sends. */
export class Resource {
  /** @internal */
  constructor(protected readonly http: HttpTransport) {}

  /**
   * Sends a call and returns the `data` of the response. `userData` names the fields of the body
   * with user data. @internal
   */
  protected async send<T>(call: Call, userData = MANAGEMENT_USER_DATA): Promise<T> {
    const body = call.body === undefined ? undefined : toSnakeCase(call.body, userData);
    const response = toCamelCase(await this.http.send({ ...call, body }), MANAGEMENT_USER_DATA);
    const { data } = (response ?? {}) as { data?: T };
    if (data === undefined) {
      const message = `the response to ${call.method} ${call.path} has no data`;
      throw new UnexpectedResponseError(message);
    }
    return data;
  }

  /** Requests a page of a list. @internal */
  protected async getPage<T>(path: string, options: CallOptions & object): Promise<Page<T>> {
    const { signal, timeout, ...filters } = options;
    return await this.send({ method: "GET", path, query: queryOf(filters), signal, timeout });
  }

  /** Iterates over all items of a list, page by page. @internal */
  protected async *iterate<T>(path: string, options: CallOptions & object): AsyncGenerator<T> {
    const { signal, timeout, ...filters } = options;
    const common: Query = { page_size: 100, ...queryOf(filters) };
    yield* iteratePages<T>((position) => {
      const query = { ...common, ...position };
      return this.send({ method: "GET", path, query, signal, timeout });
    });
  }
}

/** Iterates over all items of a list: its first page, and then the next of each page. */
export async function* iteratePages<T>(
  getPage: (position: { page?: number; cursor?: string }) => Promise<Page<T>>,
): AsyncGenerator<T> {
  for (let position = {}; ;) {
    const { items, pagination } = await getPage(position);
    yield* items;
    const { page, totalPages, nextCursor } = pagination;
    if (nextCursor) position = { cursor: nextCursor };
    else if (page !== null && page < totalPages) position = { page: page + 1 };
    else return;
  }
}

/** The query of a list. Labels get a prefix, since a label can have the name of a parameter. */
function queryOf(options: object): Query {
  const { metadata = {}, ...fields } = options as { metadata?: Record<string, string> };
  const query: Query = {};
  for (const [name, value] of Object.entries(toSnakeCase(fields, MANAGEMENT_USER_DATA) as object)) {
    query[name] = queryValue(value);
  }
  for (const [name, value] of Object.entries(metadata)) {
    query[`metadata.${name}`] = value;
  }
  return query;
}

function queryValue(value: unknown): string | number {
  if (typeof value === "number") return value;
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(",") : String(value);
}
