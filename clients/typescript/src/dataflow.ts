/** The calls of the dataflow dialect: workflows, executions, step types. */

import { WaitTimeoutError } from "./errors.js";
import { Follower, follow } from "./follow.js";
import {
  Http,
  path,
  secretHeaders,
  type Call,
  type CallOptions,
  type ClientOptions,
  type PostOptions,
} from "./http.js";
import type * as m from "./models.js";
import { camel, DATAFLOW } from "./names.js";
import { pause } from "./retry.js";

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

/** The server holds an answer back no longer than this; the client goes on asking after it. */
const LONGEST_WAIT = 30_000;
const ENDED: ReadonlySet<string> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
const EXECUTION = "/workflows/{}/executions/{}";

/** Workflows and their executions. */
export class DataflowClient {
  /** @internal */
  protected readonly http: Http;

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
      if (ENDED.has(execution.status)) return execution;
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
   * What happens to an execution, from its beginning (or after the event with the id `after`) until it ended.
   * A connection that breaks is replaced; no event is lost or comes twice.
   */
  events(
    workflowId: string,
    executionId: string,
    { after = 0, signal }: { after?: number | string; signal?: AbortSignal } = {},
  ): AsyncGenerator<m.ExecutionEvent> {
    const options: CallOptions = signal ? { signal } : {};
    return follow<m.ExecutionEvent>(this.http, {
      executionId,
      path: `${path(EXECUTION, workflowId, executionId)}/events`,
      follower: new Follower<m.ExecutionEvent>(after, DATAFLOW, ENDED),
      hasEnded: async () =>
        ENDED.has((await this.getExecution(workflowId, executionId, options)).status),
      options,
    });
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

  /** The JSON Schema of definitions, for editors and validators. */
  async definitionSchema(options: CallOptions = {}): Promise<Record<string, unknown>> {
    const call: Call = { method: "GET", path: "/api/v1/schema/definition", ...options };
    return (await this.http.send(call)) as Record<string, unknown>;
  }

  /** @internal */
  protected async dataflow<T>(call: Call): Promise<T> {
    return camel(await this.http.send(call), DATAFLOW) as T;
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
