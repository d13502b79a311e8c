/** Client for Stepwell, a durable workflow server. */

export { Client } from "./client.js";
export { Secret } from "./core/secret.js";
export { CursorPage, Page, PagePromise } from "./core/page.js";
export { APIPromise } from "./core/api-promise.js";
export type { RateLimit, ResponseWithData } from "./core/api-promise.js";
export type { Logger, RequestInfo, ResponseInfo } from "./core/hooks.js";
export type { CursorListOptions, IfVersion, ListOptions } from "./core/resource.js";
export type { RetryPolicy } from "./core/retry.js";
export type { ChangedOptions, ClientOptions } from "./core/settings.js";
export type { PostOptions, RequestOptions } from "./core/transport.js";
export type { WaitOptions } from "./core/wait.js";
export type { Configuration, Definition, Step } from "./definitions.js";
export type * as definitions from "./definitions.js";
export type { AuditLog } from "./resources/audit-log.js";
export type {
  AuditAction,
  AuditEntry,
  AuditObjectType,
  ListAuditEntries,
} from "./resources/audit-log.js";
export type * from "./resources/execution-models.js";
export type {
  Approval,
  ApprovalLink,
  ApprovalLinkOptions,
  ApprovalStatus,
  ApprovalVote,
  DelegateOptions,
  LinkedApproval,
  LinkedVoteOptions,
  ListApprovals,
  VoteOptions,
  Approvals,
} from "./resources/approvals.js";
export type { Executions } from "./resources/executions.js";
export type {
  ApiKey,
  ApiKeyChange,
  ApiKeyWithSecret,
  Keys,
  ListApiKeys,
  Me,
  NewApiKey,
  Role,
} from "./resources/keys.js";
export type {
  BulkAction,
  BulkConditions,
  BulkDryRun,
  BulkFailure,
  BulkOperation,
  BulkProgress,
  ListOperations,
  NewOperation,
  Operations,
  OperationStatus,
} from "./resources/operations.js";
export type {
  CreateReleaseOptions,
  ListReleases,
  ListReleaseTags,
  Release,
  Releases,
  DeletedReleaseTag,
  ReleaseTag,
  ReleaseTags,
  TrafficShare,
} from "./resources/releases.js";
export type * from "./resources/schedule-models.js";
export type { Schedules } from "./resources/schedules.js";
export type { ListStepTypes, StepType, StepTypes } from "./resources/step-types.js";
export type {
  ListTemplates,
  NewTemplate,
  Template,
  TemplateChange,
  TemplatePreview,
  Templates,
  TemplateSummary,
  UpdateTemplateOptions,
} from "./resources/templates.js";
export type * from "./resources/trial-models.js";
export type {
  DeletedVariable,
  ListVariables,
  NewVariable,
  UpdateVariableOptions,
  Variable,
  VariableChange,
  Variables,
} from "./resources/variables.js";
export type * from "./resources/webhook-models.js";
export type { Webhooks } from "./resources/webhooks.js";
export type * from "./resources/workflow-models.js";
export type { Workflows } from "./resources/workflows.js";
export type {
  ListWorkspaces,
  NewWorkspace,
  RateLimits,
  Tier,
  Workspace,
  WorkspaceChange,
  Workspaces,
} from "./resources/workspaces.js";
export type { DataflowClient } from "./dataflow/client.js";
export type * as dataflow from "./dataflow/models.js";
export type { VellumClient } from "./vellum/client.js";
export type * as vellum from "./vellum/models.js";
export {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionFailedError,
  ExecutionFailedError,
  NotFoundError,
  PermissionDeniedError,
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
