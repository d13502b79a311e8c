/** The client: every call of the server. */

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
import { ConnectionFailedError, StepwellError, WaitTimeoutError } from "./errors.js";
import { Follower, hasEnded } from "./follow.js";
import {
  chunks,
  Http,
  path,
  type Call,
  type CallOptions,
  type ClientOptions,
  type Open,
  type PostOptions,
} from "./http.js";
import type * as m from "./models.js";
import { camel, DATAFLOW, DEPLOYMENTS, snake, STATUS } from "./names.js";
import { delay, pause } from "./retry.js";

/** What `execute` and `run` take besides the input. */
export interface ExecuteOptions extends PostOptions {
  /** Where each change of status is sent. */
  webhookUrl?: string;
  /** For steps that ask for them, by name, for this execution only. */
  secrets?: Record<string, string>;
}

export interface PageOptions extends CallOptions {
  limit?: number;
  cursor?: string;
}

export interface ListWorkflowsOptions extends PageOptions {
  status?: "active" | "inactive";
}

export interface ListExecutionsOptions extends PageOptions {
  status?: m.ExecutionStatus | m.ExecutionStatus[];
}

export interface ListApiKeysOptions extends CallOptions {
  page?: number;
  pageSize?: number;
  sortBy?: "created_at" | "expires_at" | "last_used_at" | "name";
  sortOrder?: "asc" | "desc";
}

/** The server holds an answer back no longer than this; the client goes on asking after it. */
const LONGEST_WAIT = 30_000;
/** The server sends a comment every 15 s; a stream that is quiet for longer is broken. */
const STREAM_TIMEOUT = 60_000;
/** How long the execution of a deployment may take. */
const EXECUTE_TIMEOUT = 600_000;
const KEYS = "/api/v1/auth/api-keys";
const EXECUTION = "/workflows/{}/executions/{}";

/**
 * A Stepwell server. All times are milliseconds, and every failure is a `StepwellError`, except
 * for the reason of a caller's own `signal`.
 *
 * After 429, 503 and broken connections a request is sent again where that is harmless: GETs, and
 * POSTs, each of which carries an `Idempotency-Key`.
 */
export class Client {
  private readonly http: Http;

  constructor(options: ClientOptions = {}) {
    this.http = new Http(options);
  }

  /** The server's address. */
  get baseUrl(): string {
    return this.http.baseUrl;
  }

  // Workflows

  /** Creates a workflow from a definition: an object, or a text in YAML. */
  createWorkflow(definition: m.Definition, options: PostOptions = {}): Promise<m.WorkflowCreated> {
    return this.dataflow({ method: "POST", path: "/workflows", body: definition, ...options });
  }

  /** A page of workflows, newest first. */
  listWorkflows(options: ListWorkflowsOptions = {}): Promise<m.WorkflowPage> {
    const { status, limit, cursor, ...rest } = options;
    const query = { status, limit, cursor };
    return this.dataflow({ method: "GET", path: "/workflows", query, ...rest });
  }

  /** All workflows, newest first, page by page. */
  async *iterWorkflows(options: ListWorkflowsOptions = {}): AsyncGenerator<m.WorkflowRow> {
    for (let cursor = options.cursor; ;) {
      const page = await this.listWorkflows({
        limit: 100,
        ...options,
        ...(cursor ? { cursor } : {}),
      });
      yield* page.workflows;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** A workflow with its definition and resolved steps. */
  getWorkflow(workflowId: string, options: CallOptions = {}): Promise<m.Workflow> {
    return this.dataflow({ method: "GET", path: path("/workflows/{}", workflowId), ...options });
  }

  /** Makes a new release. Never repeated by itself, since each time would make one. */
  updateWorkflow(
    workflowId: string,
    definition: m.Definition,
    options: CallOptions = {},
  ): Promise<m.Workflow> {
    const where = path("/workflows/{}", workflowId);
    return this.dataflow({ method: "PUT", path: where, body: definition, ...options });
  }

  /** Deletes a workflow; running executions finish and history stays readable. */
  async deleteWorkflow(workflowId: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path("/workflows/{}", workflowId), ...options });
  }

  /** Counts of a workflow's executions. */
  workflowStats(workflowId: string, options: CallOptions = {}): Promise<m.Stats> {
    return this.dataflow({
      method: "GET",
      path: path("/workflows/{}/stats", workflowId),
      ...options,
    });
  }

  // Executions

  /** Queues an execution. */
  execute(
    workflowId: string,
    input?: unknown,
    options: ExecuteOptions = {},
  ): Promise<m.ExecutionAccepted> {
    return this.dataflow(executeCall(workflowId, input, options));
  }

  /**
   * Executes a workflow and waits until it ended, up to `timeout` (left out: for ever). A failed
   * execution is returned, not thrown: see `succeeded`. Throws `WaitTimeoutError` when the time
   * is over.
   */
  async run(
    workflowId: string,
    input?: unknown,
    options: ExecuteOptions = {},
  ): Promise<m.Execution> {
    const { timeout } = options;
    const begun = Date.now();
    const wait = Math.max(1, Math.round(Math.min(timeout ?? LONGEST_WAIT, LONGEST_WAIT)));
    const answer = await this.dataflow<m.Execution | m.ExecutionAccepted>({
      ...executeCall(workflowId, input, options),
      query: { wait: "true", timeout: `${wait}ms` },
      timeout: wait + 30_000,
    });
    if ("status" in answer) return answer;
    return this.waitSince(begun, workflowId, answer.executionId, options);
  }

  /** The execution once it ended; `WaitTimeoutError` after `timeout`. */
  wait(workflowId: string, executionId: string, options: CallOptions = {}): Promise<m.Execution> {
    return this.waitSince(Date.now(), workflowId, executionId, options);
  }

  private async waitSince(
    begun: number,
    workflowId: string,
    executionId: string,
    { timeout, signal }: CallOptions,
  ): Promise<m.Execution> {
    for (let look = 50; ; look = Math.min(look * 1.5, 1000)) {
      const execution = await this.getExecution(workflowId, executionId, signal ? { signal } : {});
      if (hasEnded(execution.status)) return execution;
      const left = timeout === undefined ? look : begun + timeout - Date.now();
      if (timeout !== undefined && left <= 0) throw new WaitTimeoutError(executionId, timeout);
      await pause(Math.min(look, left), signal);
    }
  }

  /** An execution with its tasks. */
  getExecution(
    workflowId: string,
    executionId: string,
    options: CallOptions = {},
  ): Promise<m.Execution> {
    return this.dataflow({
      method: "GET",
      path: path(EXECUTION, workflowId, executionId),
      ...options,
    });
  }

  /** A page of a workflow's executions, newest first. */
  listExecutions(
    workflowId: string,
    options: ListExecutionsOptions = {},
  ): Promise<m.ExecutionPage> {
    const { status, limit, cursor, ...rest } = options;
    const query = { status: Array.isArray(status) ? status.join(",") : status, limit, cursor };
    const where = path("/workflows/{}/executions", workflowId);
    return this.dataflow({ method: "GET", path: where, query, ...rest });
  }

  /** All executions of a workflow, newest first, page by page. */
  async *iterExecutions(
    workflowId: string,
    options: ListExecutionsOptions = {},
  ): AsyncGenerator<m.ExecutionRow> {
    for (let cursor = options.cursor; ;) {
      const asked = { limit: 100, ...options, ...(cursor ? { cursor } : {}) };
      const page = await this.listExecutions(workflowId, asked);
      yield* page.executions;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** Ends an execution as CANCELLED. */
  cancel(
    workflowId: string,
    executionId: string,
    { reason, ...options }: PostOptions & { reason?: string } = {},
  ): Promise<m.ExecutionChanged> {
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", workflowId, executionId, { body, ...options });
  }

  /** Holds an execution: what is under way finishes, nothing further starts. */
  pause(
    workflowId: string,
    executionId: string,
    options: PostOptions = {},
  ): Promise<m.ExecutionChanged> {
    return this.change("pause", workflowId, executionId, options);
  }

  /** Lets a paused execution go on. */
  resume(
    workflowId: string,
    executionId: string,
    options: PostOptions = {},
  ): Promise<m.ExecutionChanged> {
    return this.change("resume", workflowId, executionId, options);
  }

  private change(
    verb: string,
    workflowId: string,
    executionId: string,
    rest: Partial<Call>,
  ): Promise<m.ExecutionChanged> {
    const where = `${path(EXECUTION, workflowId, executionId)}/${verb}`;
    return this.dataflow({ method: "POST", path: where, ...rest });
  }

  /**
   * What happens to an execution, from its beginning (or after the event `after`) until it ended.
   * A connection that breaks is replaced; no event is lost or comes twice.
   */
  async *events(
    workflowId: string,
    executionId: string,
    { after = 0, signal }: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<m.ExecutionEvent> {
    const follower = new Follower(after);
    const options: CallOptions = signal ? { signal } : {};
    const where = `${path(EXECUTION, workflowId, executionId)}/events`;
    for (let failed = 0; !follower.ended;) {
      let cause: Error | undefined;
      let opened: Open | undefined;
      try {
        const headers = follower.connect();
        const call: Call = {
          method: "GET",
          path: where,
          headers,
          timeout: STREAM_TIMEOUT,
          ...options,
        };
        opened = await this.http.open(call);
        for await (const chunk of chunks(opened)) yield* follower.feed(chunk);
      } catch (error) {
        // Refusals have had their retries inside `open`.
        if (error instanceof StepwellError || !opened) throw error;
        cause = this.http.broken(error, opened.clock, signal, executionId);
        if (!(cause instanceof ConnectionFailedError)) throw cause;
      } finally {
        opened?.clock.close();
      }
      if (follower.ended) return;
      if (follower.heard) failed = 0;
      else if (!cause) {
        // It ended before the reader's place, or the server stops.
        const { status } = await this.getExecution(workflowId, executionId, options);
        if (hasEnded(status)) return;
      }
      failed += 1;
      const wait = delay(this.http.policy, failed);
      const closed = "the server closed the stream before the execution ended";
      if (wait === undefined) throw cause ?? new ConnectionFailedError(closed, { executionId });
      await pause(wait, signal);
    }
  }

  /** The log of an execution, in order. */
  async logs(
    workflowId: string,
    executionId: string,
    options: CallOptions = {},
  ): Promise<m.LogLine[]> {
    const where = `${path(EXECUTION, workflowId, executionId)}/logs`;
    const answer = this.dataflow<{ logs: m.LogLine[] }>({ method: "GET", path: where, ...options });
    return (await answer).logs;
  }

  /** All step types, sorted by name. */
  async stepTypes(options: CallOptions = {}): Promise<m.StepType[]> {
    const call: Call = { method: "GET", path: "/step-types", ...options };
    return (await this.dataflow<{ stepTypes: m.StepType[] }>(call)).stepTypes;
  }

  // Keys (scope `admin`)

  /** Makes a key; its `secret` is in this answer only. */
  createApiKey(
    key: { name: string; scopes: string[]; expiresAt?: Date | string },
    options: PostOptions = {},
  ): Promise<m.NewApiKey> {
    const expires = key.expiresAt instanceof Date ? key.expiresAt.toISOString() : key.expiresAt;
    const body = {
      name: key.name,
      scopes: key.scopes,
      ...(expires ? { expires_at: expires } : {}),
    };
    return this.wrapped({ method: "POST", path: KEYS, body, ...options });
  }

  /** A page of keys, without their secrets. */
  listApiKeys(options: ListApiKeysOptions = {}): Promise<m.ApiKeyPage> {
    const { page, pageSize, sortBy, sortOrder, ...rest } = options;
    const query = { page, page_size: pageSize, sort_by: sortBy, sort_order: sortOrder };
    return this.wrapped({ method: "GET", path: KEYS, query, ...rest });
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
   * with the execution's id, where the stream breaks off. Leaving the loop early does not stop
   * the execution. `timeout` is how long the stream may be quiet.
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

  // Sending

  private async dataflow<T>(call: Call): Promise<T> {
    return camel(await this.http.send(call), DATAFLOW) as T;
  }

  private async wrapped<T>(call: Call): Promise<T> {
    return (await this.dataflow<{ data: T }>(call)).data;
  }

  private async deployment<T>(call: Call): Promise<T> {
    return camel(await this.http.send(call), DEPLOYMENTS) as T;
  }
}

function executeCall(workflowId: string, input: unknown, options: ExecuteOptions): Call {
  const { webhookUrl, secrets = {}, ...rest } = options;
  const headers = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [
      `X-Secret-${name.replaceAll("_", "-")}`,
      value,
    ]),
  );
  const body = { input, webhook_url: webhookUrl };
  return {
    method: "POST",
    path: path("/workflows/{}/execute", workflowId),
    body,
    headers,
    ...rest,
  };
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
