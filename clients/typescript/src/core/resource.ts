/** Base class of the management API's calls on one kind of object. */

import { UnexpectedResponseError } from "../errors.js";
import { APIPromise, requestIdOf, type ReceivedResponse } from "./api-promise.js";
import type { NamesOf, PathTemplate } from "./arguments.js";
import { decodeFields, encodeFields, MANAGEMENT_USER_DATA } from "./field-names.js";
import { parseJson } from "./json.js";
import { DEFAULT_PAGE_SIZE, Page, PagePromise, type PagePosition } from "./page.js";
import {
  REQUEST_NAMES,
  type Call,
  type QueryValue,
  type RequestOptions,
  type Transport,
} from "./transport.js";

/** The order of a list and the position of a page in it. */
export interface ListOptions extends RequestOptions {
  /** The field by which the list is sorted. */
  sortBy?: string | undefined;
  sortOrder?: "asc" | "desc" | undefined;
  /** Counts from 1. */
  page?: number | undefined;
  /** 1 to 100, the default. */
  pageSize?: number | undefined;
}

/** The same for lists with cursors, whose cost does not depend on the position. */
export interface CursorListOptions extends ListOptions {
  /** The `nextCursor` of the page before, instead of `page`. */
  cursor?: string | undefined;
}

export const LIST_NAMES: NamesOf<ListOptions> = {
  ...REQUEST_NAMES,
  sortBy: true,
  sortOrder: true,
  page: true,
  pageSize: true,
};
export const CURSOR_LIST_NAMES: NamesOf<CursorListOptions> = { ...LIST_NAMES, cursor: true };

/** The expected version of an object; another one throws `PreconditionFailedError`. */
export interface IfVersion {
  ifVersion?: number | undefined;
}

/** A list: its path, and the options with their names. */
export interface ListCall<O extends ListOptions> {
  name: string;
  path: PathTemplate;
  options: O;
  optionNames: NamesOf<O>;
  /** Query parameters that are not options, or that replace the value of one. */
  query?: Record<string, QueryValue>;
}

/** A group of calls that a client sends. */
export class Resource {
  /** @internal */
  protected readonly transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.transport = transport;
    // Not shown when the client is printed.
    Object.defineProperty(this, "transport", { enumerable: false });
  }

  /**
   * Sends a call; the value is the `data` of the response, after `convert`. `userData` names the
   * fields of the body with user data. @internal
   */
  protected send<T>(
    call: Call,
    convert: (data: any) => T = (data: T) => data,
    userData = MANAGEMENT_USER_DATA,
  ): APIPromise<T> {
    const body = call.body === undefined ? undefined : encodeFields(call.body, userData);
    return new APIPromise(this.transport.send({ ...call, body }), (received) =>
      convert(decodeData(call.name, received)),
    );
  }

  /** As `send`; the whole body is user data, a string is YAML. @internal */
  protected sendDocument<T>(call: Call): APIPromise<T> {
    return new APIPromise(
      this.transport.send(call),
      (received) => decodeData(call.name, received) as T,
    );
  }

  /** Sends a call whose response has no content. @internal */
  protected sendForNothing(call: Call): APIPromise<void> {
    return new APIPromise(this.transport.send(call), () => undefined);
  }

  /** Requests a page of a list. @internal */
  protected listItems<T, O extends ListOptions>(
    call: ListCall<O>,
    convert: (item: any) => T = (item: T) => item,
  ): PagePromise<Page<T>> {
    const { name, path, options, optionNames } = call;
    const { signal, timeout, ...filters } = options;
    const { page, cursor, ...common }: Record<string, QueryValue> = {
      page_size: DEFAULT_PAGE_SIZE,
      ...queryOf(filters),
      ...call.query,
    };
    const getPage = (position: PagePosition, previous?: PagePosition): PagePromise<Page<T>> => {
      const received = this.transport.send({
        name,
        method: "GET",
        path,
        query: { ...common, ...position },
        options: { signal, timeout },
        checks: [{ given: options, known: optionNames }],
      });
      return new PagePromise(received, (response) => {
        const content = decodeData(name, response) as ConstructorParameters<typeof Page<T>>[0];
        const items = content.items.map(convert);
        return new Page({ ...content, items }, { getPage, position, previous });
      });
    };
    return getPage({ page, cursor } as PagePosition);
  }
}

/** The `data` of a response. */
function decodeData(name: string, received: ReceivedResponse): unknown {
  const response = decodeFields(parseJson(name, received), MANAGEMENT_USER_DATA);
  const { data } = (response ?? {}) as { data?: unknown };
  if (data !== undefined) return data;
  const message = `the response to ${name} has no data`;
  throw new UnexpectedResponseError(message, requestIdOf(received.headers));
}

/** The query of a list. Labels get a prefix, since a label can have the name of a parameter. */
function queryOf(options: object): Record<string, QueryValue> {
  const { metadata, ...fields } = options as { metadata?: Record<string, string> };
  const query = encodeFields(fields, MANAGEMENT_USER_DATA) as Record<string, QueryValue>;
  for (const [name, value] of Object.entries(metadata ?? {})) query[`metadata.${name}`] = value;
  return query;
}

/**
 * The header that makes a change depend on the version of the object. Throws a TypeError for
 * `ifVersion: undefined`, such as the version of an item in a list, which has none: the change would
 * not depend on the version.
 */
export function ifMatch(options: IfVersion): () => Record<string, string> {
  return (): Record<string, string> => {
    if (!("ifVersion" in options)) return {};
    if (Number.isInteger(options.ifVersion)) return { "If-Match": `"${options.ifVersion}"` };
    throw new TypeError("ifVersion must be the `version` of the object, a whole number");
  };
}
