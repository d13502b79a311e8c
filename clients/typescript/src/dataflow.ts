/** The calls of the dataflow API: workflows, executions, step types. */

import { WaitTimeoutError } from "./errors.js";
import { EventFollower, follow } from "./follow.js";
import {
  HttpTransport,
  path,
  secretHeaders,
  type Call,
  type CallOptions,
  type PostOptions,
} from "./http.js";
import type * as m from "./models.js";
import { toCamelCase, DATAFLOW_USER_DATA } from "./field-names.js";
import { poll } from "./retry.js";
import type { ClientOptions } from "./settings.js";

/** Options of `execute` and `run`. */
export interface ExecuteOptions extends PostOptions {
  /** Receives each change of the status. */
  webhookUrl?: string;
  /** Secrets by name, for this execution only. */
  secrets?: Record<string, string>;
}

/** Options of `events`. */
export interface FollowOptions {
  /** The id of the last known event. */
  after?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

export interface PageOptions extends CallOptions {
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface ListWorkflowsOptions extends PageOptions {
  status?: "active" | "inactive";
}

export interface ListExecutionsOptions extends PageOptions {
  status?: m.ExecutionStatus | m.ExecutionStatus[];
}

/** The server delays a response at most this long; after that the client polls. */
const MAX_SERVER_WAIT = 30_000;
const FINAL_STATUSES: ReadonlySet<string> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const EXECUTION = "/workflows/{}/executions/{}";

/** Workflows and their executions. */
export class DataflowClient {
  /** @internal */
  protected readonly http: HttpTransport;

  constructor(options: ClientOptions = {}) {
    this.http = new HttpTransport(options);
  }

  /** The URL of the server. */
  get baseUrl(): string {
    return this.http.baseUrl;
  }

  // Workflows

  /** Creates a workflow from a definition: an object, or a string in YAML. */
  createWorkflow(definition: m.Definition, options: PostOptions = {}): Promise<m.WorkflowCreated> {
    return this.sendDataflow({ method: "POST", path: "/workflows", body: definition, ...options });
  }

  /** Returns a page of workflows, newest first. */
  listWorkflows(options: ListWorkflowsOptions = {}): Promise<m.WorkflowPage> {
    const { status, limit, cursor, ...rest } = options;
    const query = { status, limit, cursor };
    return this.sendDataflow({ method: "GET", path: "/workflows", query, ...rest });
  }

  /** Iterates over all workflows, newest first, page by page. */
  async *iterWorkflows(options: ListWorkflowsOptions = {}): AsyncGenerator<m.WorkflowRow> {
    for (let cursor = options.cursor; ;) {
      const page = await this.listWorkflows({ limit: 100, ...options, cursor });
      yield* page.workflows;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** Returns a workflow with its definition and resolved steps. */
  getWorkflow(workflowId: string, options: CallOptions = {}): Promise<m.Workflow> {
    return this.sendDataflow({
      method: "GET",
      path: path("/workflows/{}", workflowId),
      ...options,
    });
  }

  /**
   * Replaces the definition, which creates a release. Retried after 429 only, since each request
   * creates a release; `createRelease` has an idempotency key.
   */
  updateWorkflow(
    workflowId: string,
    definition: m.Definition,
    options: CallOptions = {},
  ): Promise<m.Workflow> {
    const urlPath = path("/workflows/{}", workflowId);
    return this.sendDataflow({ method: "PUT", path: urlPath, body: definition, ...options });
  }

  /** Deletes a workflow; running executions continue, and its history remains readable. */
  async deleteWorkflow(workflowId: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path("/workflows/{}", workflowId), ...options });
  }

  /** Returns the counts of a workflow's executions. */
  workflowStats(workflowId: string, options: CallOptions = {}): Promise<m.Stats> {
    return this.sendDataflow({
      method: "GET",
      path: path("/workflows/{}/stats", workflowId),
      ...options,
    });
  }

  // Executions

  /** Queues an execution. */
  async execute(
    workflowId: string,
    input?: unknown,
    options: ExecuteOptions = {},
  ): Promise<m.ExecutionAccepted> {
    return this.sendDataflow(executeCall(workflowId, input, options));
  }

  /**
   * Executes a workflow and waits for its end, up to `timeout` (default: no limit). A failed
   * execution is returned, not thrown: see `throwIfFailed`. Throws `WaitTimeoutError` after
   * `timeout`.
   */
  async run(
    workflowId: string,
    input?: unknown,
    options: ExecuteOptions = {},
  ): Promise<m.Execution> {
    const { timeout } = options;
    const started = performance.now();
    const wait = Math.max(1, Math.round(Math.min(timeout ?? MAX_SERVER_WAIT, MAX_SERVER_WAIT)));
    const response = await this.sendDataflow<m.Execution | m.ExecutionAccepted>({
      ...executeCall(workflowId, input, options),
      query: { wait: "true", timeout: `${wait}ms` },
      timeout: wait + 30_000,
    });
    if ("status" in response) return response;
    return this.waitSince(started, workflowId, response.executionId, options);
  }

  /** Waits for the end of an execution; throws `WaitTimeoutError` after `timeout`. */
  wait(workflowId: string, executionId: string, options: CallOptions = {}): Promise<m.Execution> {
    return this.waitSince(performance.now(), workflowId, executionId, options);
  }

  private async waitSince(
    started: number,
    workflowId: string,
    executionId: string,
    { timeout, signal }: CallOptions,
  ): Promise<m.Execution> {
    const execution = await poll(
      () => this.getExecution(workflowId, executionId, { signal }),
      ({ status }) => FINAL_STATUSES.has(status),
      timeout === undefined ? undefined : started + timeout,
      signal,
    );
    if (execution === undefined) throw new WaitTimeoutError(executionId, timeout ?? 0);
    return execution;
  }

  /** Returns an execution with its tasks. */
  getExecution(
    workflowId: string,
    executionId: string,
    options: CallOptions = {},
  ): Promise<m.Execution> {
    return this.sendDataflow({
      method: "GET",
      path: path(EXECUTION, workflowId, executionId),
      ...options,
    });
  }

  /** Returns a page of a workflow's executions, newest first. */
  listExecutions(
    workflowId: string,
    options: ListExecutionsOptions = {},
  ): Promise<m.ExecutionPage> {
    const { status, limit, cursor, ...rest } = options;
    const query = { status: Array.isArray(status) ? status.join(",") : status, limit, cursor };
    const urlPath = path("/workflows/{}/executions", workflowId);
    return this.sendDataflow({ method: "GET", path: urlPath, query, ...rest });
  }

  /** Iterates over the executions of a workflow, newest first, page by page. */
  async *iterExecutions(
    workflowId: string,
    options: ListExecutionsOptions = {},
  ): AsyncGenerator<m.ExecutionRow> {
    for (let cursor = options.cursor; ;) {
      const page = await this.listExecutions(workflowId, { limit: 100, ...options, cursor });
      yield* page.executions;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** Cancels an execution. */
  cancel(
    workflowId: string,
    executionId: string,
    { reason, ...options }: PostOptions & { reason?: string } = {},
  ): Promise<m.ExecutionChanged> {
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", workflowId, executionId, { body, ...options });
  }

  /** Pauses an execution: running steps finish, no further step starts. */
  pause(
    workflowId: string,
    executionId: string,
    options: PostOptions = {},
  ): Promise<m.ExecutionChanged> {
    return this.change("pause", workflowId, executionId, options);
  }

  /** Resumes a paused execution. */
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
    const urlPath = `${path(EXECUTION, workflowId, executionId)}/${verb}`;
    return this.sendDataflow({ method: "POST", path: urlPath, ...rest });
  }

  /**
   * Follows the events of an execution from its start (or after the event with the id `after`) to
   * its end. Reconnects when a connection breaks, without losing or repeating an event.
   */
  events(
    workflowId: string,
    executionId: string,
    { after = 0, signal }: FollowOptions = {},
  ): AsyncGenerator<m.ExecutionEvent> {
    const options: CallOptions = { signal };
    return follow<m.ExecutionEvent>(this.http, {
      executionId,
      path: `${path(EXECUTION, workflowId, executionId)}/events`,
      follower: new EventFollower<m.ExecutionEvent>(after, DATAFLOW_USER_DATA, FINAL_STATUSES),
      hasEnded: async () =>
        FINAL_STATUSES.has((await this.getExecution(workflowId, executionId, options)).status),
      options,
    });
  }

  /** Returns the log of an execution, in order. */
  async logs(
    workflowId: string,
    executionId: string,
    options: CallOptions = {},
  ): Promise<m.LogLine[]> {
    const urlPath = `${path(EXECUTION, workflowId, executionId)}/logs`;
    const response = this.sendDataflow<{ logs: m.LogLine[] }>({
      method: "GET",
      path: urlPath,
      ...options,
    });
    return (await response).logs;
  }

  /** Returns all step types, sorted by name. */
  async stepTypes(options: CallOptions = {}): Promise<m.StepType[]> {
    const call: Call = { method: "GET", path: "/step-types", ...options };
    return (await this.sendDataflow<{ stepTypes: m.StepType[] }>(call)).stepTypes;
  }

  /** Returns the JSON Schema of definitions, for editors and validators. */
  async definitionSchema(options: CallOptions = {}): Promise<Record<string, unknown>> {
    const call: Call = { method: "GET", path: "/api/v1/schema/definition", ...options };
    return (await this.http.send(call)) as Record<string, unknown>;
  }

  /** @internal */
  protected async sendDataflow<T>(call: Call): Promise<T> {
    return toCamelCase(await this.http.send(call), DATAFLOW_USER_DATA) as T;
  }
}

function executeCall(workflowId: string, input: unknown, options: ExecuteOptions): Call {
  const { webhookUrl, secrets = {}, ...rest } = options;
  const headers = secretHeaders(secrets);
  const body = { input, webhook_url: webhookUrl };
  return {
    method: "POST",
    path: path("/workflows/{}/execute", workflowId),
    body,
    headers,
    ...rest,
  };
}
