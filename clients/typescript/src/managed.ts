/** Workflows that are administered, and executions of all workflows. */

import { WaitTimeoutError, succeeded } from "./errors.js";
import { Follower, follow } from "./follow.js";
import { path, secretHeaders, type Call, type CallOptions, type PostOptions } from "./http.js";
import type * as m from "./managed-models.js";
import { MANAGEMENT } from "./names.js";
import { Resource } from "./resource.js";
import { pause } from "./retry.js";
import type { StepType, StepTypeSelection } from "./step-types.js";

const WORKFLOWS = "/api/v1/workflows";
const WORKFLOW = `${WORKFLOWS}/{}`;
const STEP_TYPES = "/api/v1/step_types";
const EXECUTIONS = "/api/v1/workflow_executions";
const EXECUTION = `${EXECUTIONS}/{}`;
const LOGS = `${EXECUTION}/logs`;

/** How long executing may take where nothing else is said. */
const EXECUTE_TIMEOUT = 600_000;
/** How much later than an execution its answer may come. */
const SLACK = 30_000;

const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "timed_out", "cancelled"]);

/** The calls on workflows: `client.workflows`. */
export class ManagedWorkflows extends Resource {
  /** Creates a workflow. It is inactive until `activate`. */
  create(workflow: m.NewWorkflow, options: PostOptions = {}): Promise<m.Workflow> {
    const body = { type: "custom", ...workflow };
    return this.send({ method: "POST", path: WORKFLOWS, body, ...options });
  }

  /** A workflow with the counts of its executions. */
  get(workflowId: string, options: CallOptions = {}): Promise<m.Workflow> {
    return this.send({ method: "GET", path: path(WORKFLOW, workflowId), ...options });
  }

  /** A page of workflows. */
  list(options: m.WorkflowSelection & m.CursorOptions = {}): Promise<m.Page<m.WorkflowRow>> {
    return this.page(WORKFLOWS, options);
  }

  /** All workflows, page by page. */
  iter(options: m.WorkflowSelection = {}): AsyncGenerator<m.WorkflowRow> {
    return this.each(WORKFLOWS, options);
  }

  /** Changes what is given. A change of the definition is the next release. */
  update(
    workflowId: string,
    changes: m.WorkflowChange,
    { ifVersion, ...options }: m.VersionOptions = {},
  ): Promise<m.Workflow> {
    const headers = ifMatch(ifVersion);
    const where = path(WORKFLOW, workflowId);
    return this.send({ method: "PUT", path: where, body: changes, headers, ...options });
  }

  /** Lets a workflow be executed. */
  activate(
    workflowId: string,
    { ifVersion, ...options }: PostOptions & m.VersionOptions = {},
  ): Promise<m.WorkflowStatus> {
    const where = path(`${WORKFLOW}/activate`, workflowId);
    return this.send({ method: "POST", path: where, headers: ifMatch(ifVersion), ...options });
  }

  /** Takes no further executions; those under way go on. */
  deactivate(
    workflowId: string,
    { ifVersion, ...options }: PostOptions & m.VersionOptions = {},
  ): Promise<m.WorkflowStatus> {
    const where = path(`${WORKFLOW}/deactivate`, workflowId);
    return this.send({ method: "POST", path: where, headers: ifMatch(ifVersion), ...options });
  }

  /** Deletes a workflow; its history stays readable. Executions under way go on, or are cancelled. */
  delete(
    workflowId: string,
    { ifVersion, cancelRunning, ...options }: m.VersionOptions & { cancelRunning?: boolean } = {},
  ): Promise<m.Deleted> {
    const query = { cancel_running: cancelRunning ? "true" : undefined };
    const headers = ifMatch(ifVersion);
    const where = path(WORKFLOW, workflowId);
    return this.send({ method: "DELETE", path: where, query, headers, ...options });
  }

  /** The definition that the configuration was made into. */
  definition(workflowId: string, options: CallOptions = {}): Promise<m.WorkflowDefinition> {
    const where = path(`${WORKFLOW}/definition`, workflowId);
    return this.send({ method: "GET", path: where, ...options });
  }

  /** A page of the step types that definitions can use. */
  listStepTypes(options: StepTypeSelection & m.PageOptions = {}): Promise<m.Page<StepType>> {
    return this.page(STEP_TYPES, options);
  }

  /** All step types, page by page. */
  iterStepTypes(options: StepTypeSelection = {}): AsyncGenerator<StepType> {
    return this.each(STEP_TYPES, options);
  }

  /** A step type by its name or an alias. */
  getStepType(name: string, options: CallOptions = {}): Promise<StepType> {
    return this.send({ method: "GET", path: path(`${STEP_TYPES}/{}`, name), ...options });
  }

  /**
   * Executes a workflow and answers with the completed execution. Throws
   * `ExecutionNotCompletedError` where it failed or took longer than `timeoutSeconds`.
   */
  async execute(
    workflowId: string,
    parameters?: Record<string, unknown>,
    options: m.ExecuteOptions = {},
  ): Promise<m.CompletedExecution> {
    const { timeoutSeconds, signal } = options;
    const patience =
      timeoutSeconds === undefined ? EXECUTE_TIMEOUT : timeoutSeconds * 1000 + SLACK;
    const call = executeCall(path(`${WORKFLOW}/execute`, workflowId), parameters, options);
    const answer = await this.send<m.CompletedExecution>({ timeout: patience, ...call });
    if (ENDED.has(answer.status)) return answer;
    // It takes longer than the server holds its answers back.
    const executions = new ManagedExecutions(this.http);
    return succeeded(await executions.wait(answer.executionId, signal ? { signal } : {}));
  }

  /** Starts an execution and answers at once; it is durable. Look with `client.executions`. */
  executeAsync(
    workflowId: string,
    parameters?: Record<string, unknown>,
    options: m.ExecuteOptions = {},
  ): Promise<m.StartedExecution> {
    const where = path(`${WORKFLOW}/execute_async`, workflowId);
    return this.send(executeCall(where, parameters, options));
  }
}

/** The calls on executions: `client.executions`. */
export class ManagedExecutions extends Resource {
  /** An execution with its steps; `includeIo`: with their inputs and outputs. */
  get(
    executionId: string,
    { includeIo, ...options }: CallOptions & { includeIo?: boolean } = {},
  ): Promise<m.Execution> {
    const query = { include: includeIo ? "io" : undefined };
    return this.send({ method: "GET", path: path(EXECUTION, executionId), query, ...options });
  }

  /** A page of executions. */
  list(options: m.ExecutionSelection & m.CursorOptions = {}): Promise<m.Page<m.ExecutionRow>> {
    return this.page(EXECUTIONS, options);
  }

  /** All executions, page by page. */
  iter(options: m.ExecutionSelection = {}): AsyncGenerator<m.ExecutionRow> {
    return this.each(EXECUTIONS, options);
  }

  /** The execution once it ended; `WaitTimeoutError` after `timeout`. */
  async wait(
    executionId: string,
    { timeout, signal }: CallOptions = {},
  ): Promise<m.Execution> {
    const begun = Date.now();
    for (let look = 50; ; look = Math.min(look * 1.5, 1000)) {
      const execution = await this.get(executionId, signal ? { signal } : {});
      if (ENDED.has(execution.status)) return execution;
      const left = timeout === undefined ? look : begun + timeout - Date.now();
      if (timeout !== undefined && left <= 0) throw new WaitTimeoutError(executionId, timeout);
      await pause(Math.min(look, left), signal);
    }
  }

  /** Ends an execution as `cancelled`. */
  cancel(
    executionId: string,
    { reason, ...options }: PostOptions & { reason?: string } = {},
  ): Promise<m.ExecutionChanged> {
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", executionId, { body, ...options });
  }

  /** Holds an execution: what is under way finishes, nothing further starts. */
  pause(executionId: string, options: PostOptions = {}): Promise<m.ExecutionChanged> {
    return this.change("pause", executionId, options);
  }

  /** Lets a paused execution go on. */
  resume(executionId: string, options: PostOptions = {}): Promise<m.ExecutionChanged> {
    return this.change("resume", executionId, options);
  }

  /**
   * Runs an ended execution again, as a new one of the same release: all of it, what failed, or
   * from a step on. Results of the steps before are taken over.
   */
  rerun(executionId: string, options: m.RerunOptions = {}): Promise<m.StartedExecution> {
    const { parameters, fromFailed, fromStep, input, callbackUrl, ...rest } = options;
    const from = fromFailed ? "failed" : undefined;
    const body = { parameters, from, fromStep, input, callbackUrl };
    return this.change("rerun", executionId, { body, ...rest });
  }

  private change<T>(verb: string, executionId: string, rest: Partial<Call>): Promise<T> {
    return this.send({ method: "POST", path: `${path(EXECUTION, executionId)}/${verb}`, ...rest });
  }

  /**
   * What happens to an execution, from its beginning (or after the event with the id `after`) until it ended.
   * A connection that breaks is replaced; no event is lost or comes twice.
   */
  events(
    executionId: string,
    { after = 0, signal }: { after?: number | string; signal?: AbortSignal } = {},
  ): AsyncGenerator<m.Event> {
    const options: CallOptions = signal ? { signal } : {};
    return follow<m.Event>(this.http, {
      executionId,
      path: `${path(EXECUTION, executionId)}/events`,
      follower: new Follower<m.Event>(after, MANAGEMENT, ENDED),
      hasEnded: async () => ENDED.has((await this.get(executionId, options)).status),
      options,
    });
  }

  /** A page of an execution's log, in order. */
  logs(executionId: string, options: m.ListOptions = {}): Promise<m.Page<m.LogLine>> {
    return this.page(path(LOGS, executionId), options);
  }

  /** The log of an execution, in order, page by page. */
  iterLogs(executionId: string, options: m.SortOptions = {}): AsyncGenerator<m.LogLine> {
    return this.each(path(LOGS, executionId), options);
  }
}

function ifMatch(version: number | undefined): Record<string, string> {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

function executeCall(
  where: string,
  parameters: Record<string, unknown> | undefined,
  options: m.ExecuteOptions,
): Call {
  const { timeoutSeconds, callbackUrl, metadata, secrets = {}, ...rest } = options;
  const executionOptions = timeoutSeconds === undefined ? undefined : { timeoutSeconds };
  const body = { parameters, executionOptions, callbackUrl, metadata };
  return { method: "POST", path: where, body, headers: secretHeaders(secrets), ...rest };
}
