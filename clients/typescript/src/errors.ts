/** Every error that this package throws. All are a `StepwellError`. */

import type { Execution as ManagedExecution, Failure } from "./managed-models.js";
import type { Execution } from "./models.js";
import { camel, MANAGEMENT } from "./names.js";

/** One thing that is wrong at one place. */
export interface ErrorDetail {
  path: string;
  message: string;
  expected?: string;
  found?: string;
}

interface Said {
  code: string;
  details?: ErrorDetail[];
  requestId?: string | undefined;
  cause?: unknown;
}

interface Refused extends Said {
  status: number;
  body?: unknown;
  retryAfter?: number | undefined;
}

/**
 * Anything that went wrong between a call and its result. `code` is stable and for programs,
 * `details` lists each problem with its place, and `requestId` finds the request in the server's
 * log (undefined: it never got there).
 */
export class StepwellError extends Error {
  readonly code: string;
  readonly details: ErrorDetail[];
  readonly requestId: string | undefined;

  constructor(message: string, said: Said) {
    super(message, said.cause === undefined ? undefined : { cause: said.cause });
    this.name = new.target.name;
    this.code = said.code;
    this.details = said.details ?? [];
    this.requestId = said.requestId;
  }
}

/**
 * The server refused the request. `body` is the answer as it came, `retryAfter` how many
 * milliseconds the server asks to wait (undefined: it does not).
 */
export class APIError extends StepwellError {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfter: number | undefined;

  constructor(message: string, said: Refused) {
    super(message, said);
    this.status = said.status;
    this.body = said.body;
    this.retryAfter = said.retryAfter;
  }
}

/** 400, 413, 415, 422: the request has to be changed. */
export class BadRequestError extends APIError {}
/** 401: no key, or one that is not accepted. */
export class AuthenticationError extends APIError {}
/** 403: the key lacks a scope, which the message names. */
export class ForbiddenError extends APIError {}
/** 404: there is no such object, or the key does not see it. */
export class NotFoundError extends APIError {}
/** 409: the object is not in a state that allows this. */
export class ConflictError extends APIError {}
/** 412: the object was changed since the version that the call was for. Look again. */
export class PreconditionFailedError extends ConflictError {}
/** 429: too many requests, also after the retries. */
export class RateLimitError extends APIError {}
/** 5xx: the server could not do it. */
export class ServerError extends APIError {}
/** 503: the server cannot do it at the moment, also after the retries. */
export class UnavailableError extends ServerError {}

/**
 * 500 `WORKFLOW_EXECUTION_ERROR`, 504 `EXECUTION_TIMEOUT`: the execution that the call waited for
 * failed, was cancelled, or took longer than it may, and has ended.
 */
export class ExecutionNotCompletedError extends ServerError {
  /** The execution. */
  readonly executionId: string | undefined;
  /** The step that failed; undefined where it was the execution as a whole. */
  readonly step: string | undefined;
  /** Why. */
  readonly failure: Failure | undefined;

  constructor(message: string, said: Refused) {
    super(message, said);
    const errors = isObject(said.body) ? said.body["errors"] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    const told = isObject(first) ? first : {};
    this.executionId = text(told["execution_id"]);
    this.step = text(told["step"]);
    this.failure = isObject(told["cause"])
      ? (camel(told["cause"], MANAGEMENT) as Failure)
      : undefined;
  }
}

/** Thrown by `verifyWebhook` only: the request is not one of Stepwell's, or too old. */
export class WebhookVerificationError extends StepwellError {
  constructor(message: string) {
    super(message, { code: "WEBHOOK_NOT_VERIFIED" });
  }
}

/** The server was not reached, or the connection broke off. Code `CONNECTION_FAILED`. */
export class ConnectionFailedError extends StepwellError {
  readonly executionId: string | undefined;

  constructor(
    message: string,
    said: { code?: string; executionId?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { code: said.code ?? "CONNECTION_FAILED", cause: said.cause });
    this.executionId = said.executionId;
  }
}

/**
 * The server did not answer in time. What the request asked for may still happen.
 * Code `REQUEST_TIMEOUT`.
 */
export class RequestTimeoutError extends ConnectionFailedError {
  constructor(message: string, executionId?: string) {
    super(message, { code: "REQUEST_TIMEOUT", executionId });
  }
}

/** The answer is not what this client knows. Code `UNEXPECTED_ANSWER`. */
export class UnexpectedAnswerError extends StepwellError {
  constructor(message: string, requestId?: string, cause?: unknown) {
    super(message, { code: "UNEXPECTED_ANSWER", requestId, cause });
  }
}

/** The execution had not ended when the patience of `wait` or `run` was over; it goes on. */
export class WaitTimeoutError extends StepwellError {
  readonly executionId: string;

  constructor(executionId: string, timeout: number) {
    super(`${executionId} had not ended after ${timeout} ms; it goes on`, { code: "WAIT_TIMEOUT" });
    this.executionId = executionId;
  }
}

/** Thrown by `succeeded` only: the execution failed, ran out of time, or was cancelled. */
export class ExecutionFailedError extends StepwellError {
  readonly execution: Execution | ManagedExecution;

  constructor(execution: Execution | ManagedExecution) {
    const { error, executionId, status } = execution;
    super(error?.message ?? `${executionId} is ${status}`, { code: error?.code ?? status });
    this.execution = execution;
  }
}

const FAILED: ReadonlySet<string> = new Set(["FAILED", "TIMED_OUT", "CANCELLED"]);

/** The execution, or an `ExecutionFailedError` where it ended in another way than completed. */
export function succeeded<E extends Execution | ManagedExecution>(execution: E): E {
  if (FAILED.has(execution.status.toUpperCase())) {
    throw new ExecutionFailedError(execution);
  }
  return execution;
}

type Kind = new (message: string, said: Refused) => APIError;

const BY_STATUS: Record<number, Kind> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  412: PreconditionFailedError,
  413: BadRequestError,
  415: BadRequestError,
  422: BadRequestError,
  429: RateLimitError,
  503: UnavailableError,
};

const NOT_COMPLETED: ReadonlySet<string> = new Set([
  "WORKFLOW_EXECUTION_ERROR",
  "EXECUTION_TIMEOUT",
]);

/** The error for an answer; `body` is the parsed JSON, or the text where it was none. */
export function apiError(
  status: number,
  body: unknown,
  requestId: string | undefined,
  retryAfter: number | undefined,
): APIError {
  const said = read(body);
  const waited = status >= 500 && NOT_COMPLETED.has(said.code ?? "");
  const kind = waited
    ? ExecutionNotCompletedError
    : (BY_STATUS[status] ?? (status >= 500 ? ServerError : APIError));
  return new kind(said.message ?? `the server answered ${status}`, {
    code: said.code ?? `HTTP_${status}`,
    status,
    details: said.details,
    requestId: said.requestId ?? requestId,
    body,
    retryAfter,
  });
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string | undefined =>
  value === undefined || value === null || value === "" ? undefined : String(value);

/** Reads any of the server's three forms of errors. */
function read(body: unknown): {
  code?: string | undefined;
  message?: string | undefined;
  details: ErrorDetail[];
  requestId?: string | undefined;
} {
  if (!isObject(body)) return { message: text(body)?.slice(0, 200), details: [] };
  const said = isObject(body["error"]) ? body["error"] : body;
  const list = said["details"] ?? said["errors"];
  const errors = Array.isArray(list) ? list.filter(isObject) : [];
  const details = errors.map((item) => {
    const detail: ErrorDetail = {
      path: text(item["path"]) ?? text(item["field"]) ?? "",
      message: text(item["message"]) ?? text(item["detail"]) ?? "",
    };
    const [expected, found] = [text(item["expected"]), text(item["found"])];
    if (expected !== undefined) detail.expected = expected;
    if (found !== undefined) detail.found = found;
    return detail;
  });
  return {
    code: text(said["code"]) ?? errors.map((item) => text(item["code"])).find(Boolean),
    message: text(said["message"]) ?? text(said["detail"]),
    details,
    requestId: text(said["request_id"]),
  };
}
