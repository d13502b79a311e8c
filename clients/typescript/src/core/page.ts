/** Pages of lists. */

import { StepwellError } from "../errors.js";
import { APIPromise } from "./api-promise.js";

/** The position of a page: its number, or the cursor of the page before. */
export interface PagePosition {
  page?: number | undefined;
  cursor?: string | undefined;
}

/** The items of a page unless the caller chooses: the maximum, since most lists are iterated. */
export const DEFAULT_PAGE_SIZE = 100;

/** How a page requests the others of its list. */
export interface PageSource<P> {
  getPage: (position: PagePosition, previous?: PagePosition) => PagePromise<P>;
  /** The position of this page. */
  position: PagePosition;
  /** The position of the page on which `nextPage` was called to get this one. */
  previous: PagePosition | undefined;
}

/** A page of a list with cursors. Iterating over it continues with the items of later pages. */
export class CursorPage<T> implements AsyncIterable<T> {
  readonly items: T[];
  /** Null after the last page. */
  readonly nextCursor: string | null;
  readonly #source: PageSource<this>;

  /** @internal */
  constructor(content: { items: T[]; nextCursor: string | null }, source: PageSource<any>) {
    this.items = content.items;
    this.nextCursor = content.nextCursor;
    this.#source = source as PageSource<this>;
  }

  /** Whether there is a page after this one. */
  hasNextPage(): boolean {
    return this.nextPosition() !== undefined;
  }

  /** Requests the page after this one. Throws `NO_SUCH_PAGE` if this is the last one. */
  nextPage(): PagePromise<this> {
    const position = this.nextPosition();
    if (position === undefined) throw noSuchPage("last", "hasNextPage");
    return this.#source.getPage(position, this.#source.position);
  }

  /** Whether the page before this one is known. */
  hasPreviousPage(): boolean {
    return this.#previousPosition() !== undefined;
  }

  /** Requests the page before this one. Throws `NO_SUCH_PAGE` if this is the first one. */
  previousPage(): PagePromise<this> {
    const position = this.#previousPosition();
    if (position === undefined) throw noSuchPage("first", "hasPreviousPage");
    return this.#source.getPage(position);
  }

  #previousPosition(): PagePosition | undefined {
    return this.#source.previous ?? this.numberedPrevious();
  }

  /** @internal */
  protected nextPosition(): PagePosition | undefined {
    return this.nextCursor ? { cursor: this.nextCursor } : undefined;
  }

  /** @internal */
  protected numberedPrevious(): PagePosition | undefined {
    return undefined;
  }

  /** Iterates over the pages, from this one on. */
  async *iterPages(): AsyncGenerator<this> {
    for (let page = this; ; page = await page.nextPage()) {
      yield page;
      if (!page.hasNextPage()) return;
    }
  }

  /** Iterates over the items of this page and of all following pages. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const page of this.iterPages()) yield* page.items;
  }
}

function noSuchPage(which: string, check: string): StepwellError {
  const message = `this is the ${which} page; call ${check}() first`;
  return new StepwellError(message, { code: "NO_SUCH_PAGE" });
}

/** The position of a page in its list, as the server sends it. */
interface Pagination {
  page: number | null;
  pageSize: number;
  totalItems: number;
  totalPages: number;
  nextCursor?: string | null;
}

/** A page of a list with numbered pages. */
export class Page<T> extends CursorPage<T> {
  /** Counts from 1. Null if the page was requested with a cursor. */
  readonly page: number | null;
  readonly pageSize: number;
  /** The number of items on all pages. */
  readonly totalItems: number;
  readonly totalPages: number;
  readonly #hasCursors: boolean;

  /** @internal */
  constructor(content: { items: T[]; pagination: Pagination }, source: PageSource<any>) {
    const { page, pageSize, totalItems, totalPages, nextCursor } = content.pagination;
    super({ items: content.items, nextCursor: nextCursor ?? null }, source);
    this.page = page;
    this.pageSize = pageSize;
    this.totalItems = totalItems;
    this.totalPages = totalPages;
    this.#hasCursors = nextCursor !== undefined;
  }

  /** @internal */
  protected override nextPosition(): PagePosition | undefined {
    if (this.#hasCursors || this.page === null) return super.nextPosition();
    return this.page < this.totalPages ? { page: this.page + 1 } : undefined;
  }

  /** @internal */
  protected override numberedPrevious(): PagePosition | undefined {
    return this.page !== null && this.page > 1 ? { page: this.page - 1 } : undefined;
  }
}

type ItemOf<P> = P extends CursorPage<infer T> ? T : never;

/**
 * What `list()` returns. Awaiting it gives a page; `for await` iterates over the items of that page
 * and of all following ones, and requests each page when it is needed.
 */
export class PagePromise<P> extends APIPromise<P> implements AsyncIterable<ItemOf<P>> {
  /** Iterates over the pages. */
  async *iterPages(): AsyncGenerator<Awaited<P>> {
    const first = (await this) as CursorPage<ItemOf<P>>;
    for await (const page of first.iterPages()) yield page as Awaited<P>;
  }

  /** Iterates over the items of all pages. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ItemOf<P>> {
    for await (const page of this.iterPages()) yield* (page as CursorPage<ItemOf<P>>).items;
  }
}
