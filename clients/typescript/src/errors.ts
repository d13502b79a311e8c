/** The errors of this package. All derive from `StepwellError`. */

import type { RateLimit } from "./core/api-promise.js";
import { decodeFields, MANAGEMENT_USER_DATA } from "./core/field-names.js";
import type { Execution, Failure } from "./resources/execution-models.js";

/** One problem, with the path of the field. */
export interface ErrorDetail {
  path: string;
  message: string;
  expected?: string;
  found?: string;
  /** The line in the definition that was sent, from 1. */
  line?: number;
  /** The column in that line, from 1. */
  column?: number;
}

interface ErrorFields {
  code: string;
  details?: ErrorDetail[];
  requestId?: string | undefined;
  cause?: unknown;
}

/** The response that an error is about. */
interface ResponseFields {
  status: number;
  headers: Headers;
  requestId?: string | undefined;
  retryAfter?: number | undefined;
  rateLimit?: RateLimit | undefined;
}

/**
 * Base class of all errors. `code` is stable and meant for programs; `details` lists each problem
 * with its path, and `requestId` identifies the request in the server's log (undefined: there was
 * no response).
 */
export class StepwellError extends Error {
  readonly code: string;
  readonly details: ErrorDetail[];
  readonly requestId: string | undefined;

  constructor(message: string, fields: ErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = new.target.name;
    this.code = fields.code;
    this.details = fields.details ?? [];
    this.requestId = fields.requestId;
  }
}

/** The server rejected the request. */
export class APIError extends StepwellError {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the response, or its text. */
  readonly body: unknown;
  /** The `Retry-After` in milliseconds; undefined: there is none. */
  readonly retryAfter: number | undefined;
  /** Undefined: the key has no limit. */
  readonly rateLimit: RateLimit | undefined;

  constructor(
    message: string,
    { status, headers, body, retryAfter, rateLimit, ...fields }: APIErrorFields,
  ) {
    super(message, fields);
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.retryAfter = retryAfter;
    this.rateLimit = rateLimit;
  }
}

type APIErrorFields = ErrorFields & ResponseFields & { body?: unknown };

/** 400, 413, 415, 422: the request is invalid. */
export class BadRequestError extends APIError {}
/** 401: the API key is missing, invalid, expired or revoked. */
export class AuthenticationError extends APIError {}
/** 403: the key does not have the scope that the message names. */
export class PermissionDeniedError extends APIError {}
/** 404: the object does not exist, or is not visible to the key. */
export class NotFoundError extends APIError {}
/** 409: the current state of the object does not allow this. */
export class ConflictError extends APIError {}
/** 412: the object has another version than the one that the call names. Get it again. */
export class PreconditionFailedError extends ConflictError {}
/** 429: too many requests, even after the retries. */
export class RateLimitError extends APIError {}
/** 5xx: the server failed. */
export class ServerError extends APIError {}
/** 503: the server is temporarily unavailable, even after the retries. */
export class UnavailableError extends ServerError {}

/** Thrown by `webhooks.verify`: the signature is invalid, or the request is too old. */
export class WebhookVerificationError extends StepwellError {
  constructor(message: string) {
    super(message, { code: "WEBHOOK_NOT_VERIFIED" });
  }
}

/** The server could not be reached, or the connection broke. Code `CONNECTION_FAILED`. */
export class ConnectionFailedError extends StepwellError {
  readonly executionId: string | undefined;

  constructor(
    message: string,
    fields: { code?: string; executionId?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { code: fields.code ?? "CONNECTION_FAILED", cause: fields.cause });
    this.executionId = fields.executionId;
  }
}

/**
 * The server did not respond in time. It may still process the request.
 * Code `REQUEST_TIMEOUT`.
 */
export class RequestTimeoutError extends ConnectionFailedError {
  constructor(message: string, executionId?: string) {
    super(message, { code: "REQUEST_TIMEOUT", executionId });
  }
}

/** The response cannot be decoded. Code `UNEXPECTED_RESPONSE`. */
export class UnexpectedResponseError extends StepwellError {
  constructor(message: string, requestId?: string, cause?: unknown) {
    super(message, { code: "UNEXPECTED_RESPONSE", requestId, cause });
  }
}

/** The execution did not end within `timeout` milliseconds. It continues. */
export class WaitTimeoutError extends StepwellError {
  readonly executionId: string;
  readonly timeout: number;

  constructor(executionId: string, timeout: number) {
    super(`${executionId} did not end within ${timeout} ms; it continues`, {
      code: "WAIT_TIMEOUT",
    });
    this.executionId = executionId;
    this.timeout = timeout;
  }
}

/** The execution failed, timed out or was cancelled. `code` is that of its failure. */
export class ExecutionFailedError extends StepwellError {
  readonly execution: Execution;
  readonly executionId: string;
  /** The step that failed; undefined if no single step is the cause. */
  readonly step: string | undefined;
  /** The cause of the failure; null if the execution was cancelled. */
  readonly failure: Failure | null;

  constructor(execution: Execution, requestId?: string) {
    const { id, status, error } = execution;
    const code = error?.code ?? status.toUpperCase();
    super(error?.message ?? `${id} is ${status}`, { code, requestId });
    this.execution = execution;
    this.executionId = id;
    this.step = error?.step ?? undefined;
    this.failure = error;
  }
}

/** Returns the execution; throws `ExecutionFailedError` if it ended without completing. */
export function throwIfFailed<E extends Execution>(execution: E): E {
  if (execution.ended && execution.status !== "completed") {
    throw new ExecutionFailedError(execution);
  }
  return execution;
}

type APIErrorClass = new (message: string, fields: APIErrorFields) => APIError;

const BY_STATUS: Record<number, APIErrorClass> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  412: PreconditionFailedError,
  413: BadRequestError,
  415: BadRequestError,
  422: BadRequestError,
  429: RateLimitError,
  503: UnavailableError,
};

const EXECUTION_ERROR_CODES: ReadonlySet<string> = new Set([
  "WORKFLOW_EXECUTION_ERROR",
  "EXECUTION_TIMEOUT",
]);

/** Whether the error is the result of an execution that ended, so a retry would not change it. */
export function isExecutionError(error: unknown): error is APIError {
  return error instanceof APIError && EXECUTION_ERROR_CODES.has(error.code);
}

/** What an execution error shows of the execution. */
export function executionOfError({ status, body }: APIError): Partial<Execution> {
  const errors = isObject(body) ? body["errors"] : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const { execution_id: id, cause } = isObject(first) ? first : {};
  const error = isObject(cause) ? (decodeFields(cause, MANAGEMENT_USER_DATA) as Failure) : null;
  return {
    ...(typeof id === "string" ? { id } : {}),
    status: status === 504 ? "timed_out" : "failed",
    error,
  };
}

/** The error for an unsuccessful response; `body` is its JSON, or its text. */
export function apiError(body: unknown, response: ResponseFields): APIError {
  const { status, requestId } = response;
  const error = parseErrorBody(body);
  const kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : APIError);
  return new kind(error.message ?? `the server returned status ${status}`, {
    ...response,
    code: error.code ?? `HTTP_${status}`,
    details: error.details,
    requestId: error.requestId ?? requestId,
    body,
  });
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const optionalString = (value: unknown): string | undefined =>
  value === undefined || value === null || value === "" ? undefined : String(value);

/** Parses an error of any of the server's three APIs. */
function parseErrorBody(body: unknown): {
  code?: string | undefined;
  message?: string | undefined;
  details: ErrorDetail[];
  requestId?: string | undefined;
} {
  if (!isObject(body)) return { message: optionalString(body)?.slice(0, 200), details: [] };
  const error = isObject(body["error"]) ? body["error"] : body;
  const list = error["details"] ?? error["errors"];
  const errors = Array.isArray(list) ? list.filter(isObject) : [];
  const details = errors.map((item) => {
    const detail: ErrorDetail = {
      path: optionalString(item["path"]) ?? optionalString(item["field"]) ?? "",
      message: optionalString(item["message"]) ?? optionalString(item["detail"]) ?? "",
    };
    const [expected, found] = [optionalString(item["expected"]), optionalString(item["found"])];
    if (expected !== undefined) detail.expected = expected;
    if (found !== undefined) detail.found = found;
    if (typeof item["line"] === "number") detail.line = item["line"];
    if (typeof item["column"] === "number") detail.column = item["column"];
    return detail;
  });
  return {
    code:
      optionalString(error["code"]) ??
      errors.map((item) => optionalString(item["code"])).find(Boolean),
    message: optionalString(error["message"]) ?? optionalString(error["detail"]),
    details,
    requestId: optionalString(error["request_id"]),
  };
}
