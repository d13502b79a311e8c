/** The client. This file adds the calls for API keys and deployments. */

import { AuditLog } from "./audit-log.js";
import {
  toInputList,
  DeploymentStreamParser,
  type ExecuteWorkflowAsyncRequest,
  type ExecuteWorkflowRequest,
  type ExecuteWorkflowResponse,
  type ExecuteWorkflowStreamRequest,
  type SubmitActualsRequest,
  type WorkflowExecutionStatus,
  type WorkflowStreamEvent,
} from "./deployments.js";
import { StepwellError } from "./errors.js";
import { readChunks, path, type Call, type CallOptions, type PostOptions } from "./http.js";
import { ManagedExecutions, ManagedWorkflows } from "./managed.js";
import type * as m from "./models.js";
import {
  toCamelCase,
  DEPLOYMENT_USER_DATA,
  MANAGEMENT_USER_DATA,
  toSnakeCase,
  STATUS_USER_DATA,
} from "./field-names.js";
import { ReleasesClient } from "./releases.js";
import { iteratePages } from "./resource.js";
import { Schedules } from "./schedules.js";
import { Templates } from "./templates.js";
import { Webhooks } from "./webhooks.js";
import { Workspaces } from "./workspaces.js";

/** Filters of API keys. */
export interface ApiKeySelection extends CallOptions {
  sortBy?: "created_at" | "expires_at" | "last_used_at" | "name";
  sortOrder?: "asc" | "desc";
  /** Another workspace, for admins of the default workspace. */
  workspaceId?: string;
}

/** `ApiKeySelection`, and the page. */
export interface ListApiKeysOptions extends ApiKeySelection {
  page?: number;
  pageSize?: number;
}

/**
 * A key to create: with the scopes of `scopes`, of a `role` or of both, and the limits of a `tier`
 * or its own.
 */
export interface CreateApiKey {
  name: string;
  scopes?: string[];
  role?: "admin" | "developer" | "analyst" | "user";
  expiresAt?: Date | string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<m.RateLimits>;
  /** Another workspace, for admins of the default workspace. */
  workspaceId?: string;
}

/** Changes of a key; omitted fields are unchanged. */
export interface ApiKeyChange {
  name?: string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<m.RateLimits>;
}

/** How long the execution of a deployment may take by default. */
const EXECUTE_TIMEOUT = 600_000;
const KEYS = "/api/v1/auth/api-keys";

/**
 * A client for a Stepwell server. All times are milliseconds. Every error is a `StepwellError`,
 * except the reason of an aborted `signal`, and TypeError for invalid arguments.
 *
 * The management API is in `workflows`, `executions`, `schedules`, `webhooks`, `templates`,
 * `workspaces` and `auditLog`.
 *
 * After 429, 502, 503 and connection errors a request is retried if repeating it has no second
 * effect: GETs, POSTs, which carry an `Idempotency-Key`, and moving a release tag. After 429 all
 * requests are retried.
 */
export class Client extends ReleasesClient {
  /** Workflows of the management API: create, update, activate, execute. */
  readonly workflows = new ManagedWorkflows(this.http);
  /** Executions of all workflows: get, follow, control, rerun. */
  readonly executions = new ManagedExecutions(this.http);
  /** Schedules, which start executions at given times. */
  readonly schedules = new Schedules(this.http);
  /** Webhooks, which send events to your URLs. */
  readonly webhooks = new Webhooks(this.http);
  /** Templates: texts and JSON values with expressions. */
  readonly templates = new Templates(this.http);
  /** Workspaces (tenants). */
  readonly workspaces = new Workspaces(this.http);
  /** The audit log. */
  readonly auditLog = new AuditLog(this.http);

  // API keys (scope `admin`)

  /**
   * Creates a key. Its `secret` is in this response only: if the response is lost, the retry throws
   * `ConflictError` instead of creating a second key.
   */
  createApiKey(key: CreateApiKey, options: PostOptions = {}): Promise<m.NewApiKey> {
    const body = toSnakeCase(key, MANAGEMENT_USER_DATA);
    return this.sendForData({ method: "POST", path: KEYS, body, ...options });
  }

  /** Returns a page of keys, without their secrets. */
  listApiKeys(options: ListApiKeysOptions = {}): Promise<m.ApiKeyPage> {
    const { page, pageSize, sortBy, sortOrder, workspaceId, ...rest } = options;
    const query = {
      page,
      page_size: pageSize,
      sort_by: sortBy,
      sort_order: sortOrder,
      workspace_id: workspaceId,
    };
    return this.sendForData({ method: "GET", path: KEYS, query, ...rest });
  }

  /** Iterates over all keys, page by page. */
  iterApiKeys(options: ApiKeySelection = {}): AsyncGenerator<m.ApiKey> {
    return iteratePages((position) => this.listApiKeys({ pageSize: 100, ...options, ...position }));
  }

  /** Returns a key, without its secret. */
  getApiKey(id: string, options: CallOptions = {}): Promise<m.ApiKey> {
    return this.sendForData({ method: "GET", path: path(`${KEYS}/{}`, id), ...options });
  }

  /** Updates the name or the limits of a key, effective immediately; scopes are fixed. */
  updateApiKey(id: string, changes: ApiKeyChange, options: CallOptions = {}): Promise<m.ApiKey> {
    const body = toSnakeCase(changes, MANAGEMENT_USER_DATA);
    return this.sendForData({ method: "PATCH", path: path(`${KEYS}/{}`, id), body, ...options });
  }

  /** Revokes a key. */
  async revokeApiKey(id: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path(`${KEYS}/{}`, id), ...options });
  }

  /** Returns the key of this client with its scopes and limits. */
  me(options: CallOptions = {}): Promise<m.Me> {
    return this.sendForData({ method: "GET", path: "/api/v1/auth/me", ...options });
  }

  /** Returns the secret that signs callbacks (`webhookUrl`, `callbackUrl`). */
  async webhookSigningSecret(options: CallOptions = {}): Promise<string> {
    const call: Call = { method: "GET", path: "/api/v1/webhooks/signing-secret", ...options };
    return (await this.sendForData<{ secret: string }>(call)).secret;
  }

  // Deployments

  /** Executes a deployment and returns its outputs; if it failed, its error is `data.error`. */
  executeWorkflow(
    request: ExecuteWorkflowRequest,
    options: PostOptions = {},
  ): Promise<ExecuteWorkflowResponse> {
    return this.sendDeployment(executeCall("", request, withExecuteTimeout(options)));
  }

  /** Queues an execution of a deployment. `workflowExecutionStatus` returns its status. */
  executeWorkflowAsync(
    request: ExecuteWorkflowAsyncRequest,
    options: PostOptions = {},
  ): Promise<m.ExecutionAccepted> {
    return this.sendDeployment(executeCall("-async", request, options));
  }

  /**
   * Executes a deployment and yields its events as they happen. The request is sent when the
   * iteration starts. `timeout` is the longest time without data. Throws `ConnectionFailedError`
   * with the `executionId` if the stream breaks. Leaving the loop early closes the connection and
   * does not stop the execution.
   */
  async *executeWorkflowStream(
    request: ExecuteWorkflowStreamRequest,
    options: PostOptions = {},
  ): AsyncGenerator<WorkflowStreamEvent> {
    const opened = await this.http.open(
      executeCall("-stream", request, withExecuteTimeout(options)),
    );
    const parser = new DeploymentStreamParser();
    try {
      for await (const chunk of readChunks(opened)) yield* parser.feed(chunk);
      yield* parser.close();
    } catch (error) {
      if (error instanceof StepwellError) throw error;
      throw this.http.transportError(error, opened.deadline, options.signal, parser.executionId);
    } finally {
      opened.deadline.close();
    }
  }

  /** Returns the status of an execution of a deployment. */
  async workflowExecutionStatus(
    executionId: string,
    options: CallOptions = {},
  ): Promise<WorkflowExecutionStatus> {
    const urlPath = path("/v1/workflows/executions/{}/status", executionId);
    const response = await this.http.send({ method: "GET", path: urlPath, ...options });
    return toCamelCase(response, STATUS_USER_DATA) as WorkflowExecutionStatus;
  }

  /** Submits feedback on the outputs of executions: their quality, or the expected values. */
  async submitWorkflowExecutionActuals(
    request: SubmitActualsRequest,
    options: PostOptions = {},
  ): Promise<void> {
    const body = toSnakeCase(request, DEPLOYMENT_USER_DATA);
    const urlPath = "/v1/submit-workflow-execution-actuals";
    await this.http.send({ method: "POST", path: urlPath, body, ...options });
  }

  private async sendDeployment<T>(call: Call): Promise<T> {
    return toCamelCase(await this.http.send(call), DEPLOYMENT_USER_DATA) as T;
  }
}

function withExecuteTimeout(options: PostOptions): PostOptions {
  return { ...options, timeout: options.timeout ?? EXECUTE_TIMEOUT };
}

function executeCall(
  kind: "" | "-async" | "-stream",
  request: ExecuteWorkflowStreamRequest,
  options: PostOptions,
): Call {
  const body = toSnakeCase(
    { ...request, inputs: toInputList(request.inputs) },
    DEPLOYMENT_USER_DATA,
  );
  return {
    method: "POST",
    path: `/v1/execute-workflow${kind}`,
    body,
    ...options,
  };
}
