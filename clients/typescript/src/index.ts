/** Client for Stepwell, a durable workflow server. */

export { Client } from "./client.js";
export type { ApiKeyChange, ApiKeySelection, CreateApiKey, ListApiKeysOptions } from "./client.js";
export type {
  ExecuteOptions,
  FollowOptions,
  ListExecutionsOptions,
  ListWorkflowsOptions,
  PageOptions,
} from "./dataflow.js";
export type * as management from "./management.js";
export type * from "./models.js";
export type {
  Actual,
  ExecuteWorkflowAsyncRequest,
  ExecuteWorkflowRequest,
  ExecuteWorkflowResponse,
  ExecuteWorkflowStreamRequest,
  NodeEvent,
  StreamedOutput,
  SubmitActualsRequest,
  WorkflowError,
  WorkflowEvent,
  WorkflowExecutionStatus,
  WorkflowInput,
  WorkflowOutput,
  WorkflowResult,
  WorkflowStreamEvent,
} from "./deployments.js";
export type { CallOptions, PostOptions } from "./http.js";
export type {
  CreateReleaseOptions,
  Quality,
  QualityTotals,
  Release,
  ReleaseTag,
  TrafficShare,
  StoredActual,
} from "./releases.js";
export type { RetryPolicy } from "./retry.js";
export type { ClientOptions } from "./settings.js";
export {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionFailedError,
  ExecutionFailedError,
  ExecutionNotCompletedError,
  ForbiddenError,
  NotFoundError,
  PreconditionFailedError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  StepwellError,
  throwIfFailed,
  UnavailableError,
  UnexpectedResponseError,
  WaitTimeoutError,
  WebhookVerificationError,
} from "./errors.js";
export type { ErrorDetail } from "./errors.js";
export { verifyWebhook } from "./signature.js";
export type { ReceivedHeaders, VerifyOptions } from "./signature.js";
