/** The client: workflows, executions and releases, and here the keys and the deployments. */

import { AuditLog } from "./audit-log.js";
import {
  listed,
  StreamReader,
  type ExecuteWorkflowAsyncRequest,
  type ExecuteWorkflowRequest,
  type ExecuteWorkflowResponse,
  type ExecuteWorkflowStreamRequest,
  type SubmitActualsRequest,
  type WorkflowExecutionStatus,
  type WorkflowStreamEvent,
} from "./deployments.js";
import { StepwellError } from "./errors.js";
import { chunks, path, type Call, type CallOptions, type PostOptions } from "./http.js";
import { ManagedExecutions, ManagedWorkflows } from "./managed.js";
import type * as m from "./models.js";
import { camel, DEPLOYMENTS, MANAGEMENT, snake, STATUS } from "./names.js";
import { ReleasesClient } from "./releases.js";
import { Schedules } from "./schedules.js";
import { Webhooks } from "./webhooks.js";
import { Workspaces } from "./workspaces.js";

export interface ListApiKeysOptions extends CallOptions {
  page?: number;
  pageSize?: number;
  sortBy?: "created_at" | "expires_at" | "last_used_at" | "name";
  sortOrder?: "asc" | "desc";
  /** Another one than that of the client's own key. */
  workspaceId?: string;
}

/** A key to make: for what `scopes`, a `role` or both say, with the limits of a `tier` or its own. */
export interface CreateApiKey {
  name: string;
  scopes?: string[];
  role?: "admin" | "developer" | "analyst" | "user";
  expiresAt?: Date | string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<m.RateLimits>;
  /** Another one than that of the client's own key. */
  workspaceId?: string;
}

/** What can be changed of a key; what is left out stays as it is. */
export interface ApiKeyChange {
  name?: string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<m.RateLimits>;
}

/** How long the execution of a deployment may take. */
const EXECUTE_TIMEOUT = 600_000;
const KEYS = "/api/v1/auth/api-keys";

/**
 * A Stepwell server. All times are milliseconds, and every failure is a `StepwellError`, except
 * for the reason of a caller's own `signal`.
 *
 * The management API is in `workflows`, `executions`, `schedules`, `webhooks`, `workspaces` and
 * `auditLog`.
 *
 * After 429, 503 and broken connections a request is sent again where that is harmless: GETs,
 * POSTs, each of which carries an `Idempotency-Key`, and moving a release tag.
 */
export class Client extends ReleasesClient {
  /** Workflows that are administered: created, changed, activated, executed. */
  readonly workflows = new ManagedWorkflows(this.http);
  /** Executions of all workflows: looked at, followed, controlled, run again. */
  readonly executions = new ManagedExecutions(this.http);
  /** Executions that start by themselves. */
  readonly schedules = new Schedules(this.http);
  /** Being told of events. */
  readonly webhooks = new Webhooks(this.http);
  /** Tenants. */
  readonly workspaces = new Workspaces(this.http);
  /** Who did what. */
  readonly auditLog = new AuditLog(this.http);

  // Keys (scope `admin`)

  /**
   * Makes a key; its `secret` is in this answer only. Where the answer got lost, the repeat is a
   * `ConflictError` rather than a second key.
   */
  createApiKey(key: CreateApiKey, options: PostOptions = {}): Promise<m.NewApiKey> {
    const body = snake(key, MANAGEMENT);
    return this.wrapped({ method: "POST", path: KEYS, body, ...options });
  }

  /** A page of keys, without their secrets. */
  listApiKeys(options: ListApiKeysOptions = {}): Promise<m.ApiKeyPage> {
    const { page, pageSize, sortBy, sortOrder, workspaceId, ...rest } = options;
    const query = {
      page,
      page_size: pageSize,
      sort_by: sortBy,
      sort_order: sortOrder,
      workspace_id: workspaceId,
    };
    return this.wrapped({ method: "GET", path: KEYS, query, ...rest });
  }

  /** A key, without its secret. */
  getApiKey(id: string, options: CallOptions = {}): Promise<m.ApiKey> {
    return this.wrapped({ method: "GET", path: path(`${KEYS}/{}`, id), ...options });
  }

  /** Changes a key's name or its limits, which hold at once; what it may do stays. */
  updateApiKey(id: string, changes: ApiKeyChange, options: CallOptions = {}): Promise<m.ApiKey> {
    const body = snake(changes, MANAGEMENT);
    return this.wrapped({ method: "PATCH", path: path(`${KEYS}/{}`, id), body, ...options });
  }

  /** Refuses a key from now on. */
  async revokeApiKey(id: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path(`${KEYS}/{}`, id), ...options });
  }

  /** Who this client's key is and what it may do. */
  me(options: CallOptions = {}): Promise<m.Me> {
    return this.wrapped({ method: "GET", path: "/api/v1/auth/me", ...options });
  }

  /** The secret with which webhooks are signed. */
  async webhookSigningSecret(options: CallOptions = {}): Promise<string> {
    const call: Call = { method: "GET", path: "/api/v1/webhooks/signing-secret", ...options };
    return (await this.wrapped<{ secret: string }>(call)).secret;
  }

  // Deployments

  /** Executes a deployment; answers with its outputs, or with its error as `data.error`. */
  executeWorkflow(
    request: ExecuteWorkflowRequest,
    options: PostOptions = {},
  ): Promise<ExecuteWorkflowResponse> {
    return this.deployment(executeRequest("", request, options));
  }

  /** Queues an execution of a deployment; look with `workflowExecutionStatus`. */
  executeWorkflowAsync(
    request: ExecuteWorkflowAsyncRequest,
    options: PostOptions = {},
  ): Promise<m.ExecutionAccepted> {
    return this.deployment({
      ...executeRequest("-async", request, {}),
      timeout: 30_000,
      ...options,
    });
  }

  /**
   * Executes a deployment and yields its events as they happen. Throws `ConnectionFailedError`,
   * with the execution's id, where the stream breaks off. Leaving the loop early closes the
   * connection and does not stop the execution. `timeout` is how long the stream may be quiet.
   */
  async *executeWorkflowStream(
    request: ExecuteWorkflowStreamRequest,
    options: PostOptions = {},
  ): AsyncGenerator<WorkflowStreamEvent> {
    const opened = await this.http.open(executeRequest("-stream", request, options));
    const reader = new StreamReader();
    try {
      for await (const chunk of chunks(opened)) yield* reader.feed(chunk);
      yield* reader.close();
    } catch (error) {
      if (error instanceof StepwellError) throw error;
      throw this.http.broken(error, opened.clock, options.signal, reader.executionId);
    } finally {
      opened.clock.close();
    }
  }

  /** Where an execution of a deployment stands. */
  async workflowExecutionStatus(
    executionId: string,
    options: CallOptions = {},
  ): Promise<WorkflowExecutionStatus> {
    const where = path("/v1/workflows/executions/{}/status", executionId);
    const answer = await this.http.send({ method: "GET", path: where, ...options });
    return camel(answer, STATUS) as WorkflowExecutionStatus;
  }

  /** Tells how good the outputs of executions were, and what they should have been. */
  async submitWorkflowExecutionActuals(
    request: SubmitActualsRequest,
    options: PostOptions = {},
  ): Promise<void> {
    const body = snake(request, DEPLOYMENTS);
    const where = "/v1/submit-workflow-execution-actuals";
    await this.http.send({ method: "POST", path: where, body, ...options });
  }

  private async deployment<T>(call: Call): Promise<T> {
    return camel(await this.http.send(call), DEPLOYMENTS) as T;
  }
}

function executeRequest(
  kind: "" | "-async" | "-stream",
  request: ExecuteWorkflowStreamRequest,
  options: PostOptions,
): Call {
  const body = snake({ ...request, inputs: listed(request.inputs) }, DEPLOYMENTS);
  return {
    method: "POST",
    path: `/v1/execute-workflow${kind}`,
    body,
    timeout: EXECUTE_TIMEOUT,
    ...options,
  };
}
