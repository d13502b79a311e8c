/** Observers of requests: hooks and the logger. */

import type { RateLimit } from "./api-promise.js";

/** An attempt that is about to be sent. */
export interface RequestInfo {
  method: string;
  url: string;
  /** The path without the query. */
  path: string;
  /** The hook can set headers, such as `traceparent`. The API key is added afterwards. */
  headers: Headers;
  /** Counts from 1. */
  attempt: number;
  /** Undefined for requests without one. */
  idempotencyKey: string | undefined;
}

/** The outcome of an attempt. */
export interface ResponseInfo {
  request: RequestInfo;
  /** Undefined: there was no response. */
  status: number | undefined;
  headers: Headers | undefined;
  requestId: string | undefined;
  rateLimit: RateLimit | undefined;
  /** Milliseconds. */
  duration: number;
  /** Why the attempt failed. */
  error: Error | undefined;
  /** Milliseconds until the next attempt; undefined: there is none. */
  retryDelay: number | undefined;
}

/** A logger, such as `console`. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
}

export const SILENT: Logger = { debug: () => undefined, info: () => undefined };
