/** Workflows and executions of the management API. */

import type { FollowOptions } from "./dataflow.js";
import { WaitTimeoutError, throwIfFailed } from "./errors.js";
import { EventFollower, follow } from "./follow.js";
import { path, secretHeaders, type Call, type CallOptions, type PostOptions } from "./http.js";
import type * as m from "./managed-models.js";
import { MANAGEMENT_USER_DATA } from "./field-names.js";
import { Resource } from "./resource.js";
import { poll } from "./retry.js";
import type { StepType, StepTypeSelection } from "./step-types.js";

const WORKFLOWS = "/api/v1/workflows";
const WORKFLOW = `${WORKFLOWS}/{}`;
const STEP_TYPES = "/api/v1/step_types";
const EXECUTIONS = "/api/v1/workflow_executions";
const EXECUTION = `${EXECUTIONS}/{}`;
const LOGS = `${EXECUTION}/logs`;

/** How long an execution may take by default. */
const EXECUTE_TIMEOUT = 600_000;
/** How long after the end of the execution the response may arrive. */
const RESPONSE_MARGIN = 30_000;

const FINAL_STATUSES: ReadonlySet<string> = new Set([
  "completed",
  "failed",
  "timed_out",
  "cancelled",
]);

/** Calls for workflows: `client.workflows`. */
export class ManagedWorkflows extends Resource {
  /** Creates a workflow. It is inactive until you call `activate`. */
  create(workflow: m.NewWorkflow, options: PostOptions = {}): Promise<m.Workflow> {
    const body = { type: "custom", ...workflow };
    return this.send({ method: "POST", path: WORKFLOWS, body, ...options });
  }

  /** Returns a workflow with the counts of its executions. */
  get(workflowId: string, options: CallOptions = {}): Promise<m.Workflow> {
    return this.send({ method: "GET", path: path(WORKFLOW, workflowId), ...options });
  }

  /** Returns a page of workflows. */
  list(options: m.WorkflowSelection & m.CursorOptions = {}): Promise<m.Page<m.WorkflowRow>> {
    return this.getPage(WORKFLOWS, options);
  }

  /** Iterates over all workflows, page by page. */
  iter(options: m.WorkflowSelection = {}): AsyncGenerator<m.WorkflowRow> {
    return this.iterate(WORKFLOWS, options);
  }

  /**
   * Updates the given fields. A change of the definition creates the next release. With
   * `ifVersion`, throws `PreconditionFailedError` if the workflow has another `version`.
   */
  update(
    workflowId: string,
    changes: m.WorkflowChange,
    { ifVersion, ...options }: m.VersionOptions = {},
  ): Promise<m.Workflow> {
    const headers = ifMatch(ifVersion);
    const urlPath = path(WORKFLOW, workflowId);
    return this.send({ method: "PUT", path: urlPath, body: changes, headers, ...options });
  }

  /** Activates a workflow, so that it can be executed. */
  activate(
    workflowId: string,
    { ifVersion, ...options }: PostOptions & m.VersionOptions = {},
  ): Promise<m.WorkflowStatus> {
    const urlPath = path(`${WORKFLOW}/activate`, workflowId);
    return this.send({ method: "POST", path: urlPath, headers: ifMatch(ifVersion), ...options });
  }

  /** Deactivates a workflow: no new executions start, running ones continue. */
  deactivate(
    workflowId: string,
    { ifVersion, ...options }: PostOptions & m.VersionOptions = {},
  ): Promise<m.WorkflowStatus> {
    const urlPath = path(`${WORKFLOW}/deactivate`, workflowId);
    return this.send({ method: "POST", path: urlPath, headers: ifMatch(ifVersion), ...options });
  }

  /**
   * Deletes a workflow; its history remains readable. Running executions continue, or are cancelled
   * with `cancelRunning`.
   */
  delete(
    workflowId: string,
    { ifVersion, cancelRunning, ...options }: m.VersionOptions & { cancelRunning?: boolean } = {},
  ): Promise<m.Deleted> {
    const query = { cancel_running: cancelRunning ? "true" : undefined };
    const headers = ifMatch(ifVersion);
    const urlPath = path(WORKFLOW, workflowId);
    return this.send({ method: "DELETE", path: urlPath, query, headers, ...options });
  }

  /** Returns the definition that the configuration was compiled to. */
  definition(workflowId: string, options: CallOptions = {}): Promise<m.WorkflowDefinition> {
    const urlPath = path(`${WORKFLOW}/definition`, workflowId);
    return this.send({ method: "GET", path: urlPath, ...options });
  }

  /** Returns a page of the available step types. */
  listStepTypes(options: StepTypeSelection & m.PageOptions = {}): Promise<m.Page<StepType>> {
    return this.getPage(STEP_TYPES, options);
  }

  /** Iterates over all step types, page by page. */
  iterStepTypes(options: StepTypeSelection = {}): AsyncGenerator<StepType> {
    return this.iterate(STEP_TYPES, options);
  }

  /** Returns a step type by name or alias. */
  getStepType(name: string, options: CallOptions = {}): Promise<StepType> {
    return this.send({ method: "GET", path: path(`${STEP_TYPES}/{}`, name), ...options });
  }

  /**
   * Executes a workflow and returns the completed execution. Throws `ExecutionNotCompletedError` if
   * it failed or took longer than `timeoutSeconds`.
   */
  async execute(
    workflowId: string,
    parameters?: Record<string, unknown>,
    options: m.ExecuteOptions = {},
  ): Promise<m.CompletedExecution> {
    const { timeoutSeconds, signal } = options;
    const limit =
      timeoutSeconds === undefined ? EXECUTE_TIMEOUT : timeoutSeconds * 1000 + RESPONSE_MARGIN;
    const call = executeCall(path(`${WORKFLOW}/execute`, workflowId), parameters, options);
    const timeout = options.timeout ?? limit;
    const execution = await this.send<m.CompletedExecution>({ ...call, timeout });
    if (FINAL_STATUSES.has(execution.status)) return execution;
    // Runs longer than the server delays a response.
    const executions = new ManagedExecutions(this.http);
    return throwIfFailed(await executions.wait(execution.executionId, { signal }));
  }

  /**
   * Starts an execution and returns without waiting. The execution is durable; `client.executions`
   * returns its status.
   */
  async executeAsync(
    workflowId: string,
    parameters?: Record<string, unknown>,
    options: m.ExecuteOptions = {},
  ): Promise<m.StartedExecution> {
    const urlPath = path(`${WORKFLOW}/execute_async`, workflowId);
    return this.send(executeCall(urlPath, parameters, options));
  }
}

/** Calls for executions: `client.executions`. */
export class ManagedExecutions extends Resource {
  /** Returns an execution with its steps; `includeIo` adds their inputs and outputs. */
  get(
    executionId: string,
    { includeIo, ...options }: CallOptions & { includeIo?: boolean } = {},
  ): Promise<m.Execution> {
    const query = { include: includeIo ? "io" : undefined };
    return this.send({ method: "GET", path: path(EXECUTION, executionId), query, ...options });
  }

  /** Returns a page of executions. */
  list(options: m.ExecutionSelection & m.CursorOptions = {}): Promise<m.Page<m.ExecutionRow>> {
    return this.getPage(EXECUTIONS, options);
  }

  /** Iterates over all executions, page by page. */
  iter(options: m.ExecutionSelection = {}): AsyncGenerator<m.ExecutionRow> {
    return this.iterate(EXECUTIONS, options);
  }

  /** Waits for the end of an execution; throws `WaitTimeoutError` after `timeout`. */
  async wait(executionId: string, { timeout, signal }: CallOptions = {}): Promise<m.Execution> {
    const execution = await poll(
      () => this.get(executionId, { signal }),
      ({ status }) => FINAL_STATUSES.has(status),
      timeout === undefined ? undefined : performance.now() + timeout,
      signal,
    );
    if (execution === undefined) throw new WaitTimeoutError(executionId, timeout ?? 0);
    return execution;
  }

  /** Cancels an execution. */
  cancel(
    executionId: string,
    { reason, ...options }: PostOptions & { reason?: string } = {},
  ): Promise<m.ExecutionChanged> {
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", executionId, { body, ...options });
  }

  /** Pauses an execution: running steps finish, no further step starts. */
  pause(executionId: string, options: PostOptions = {}): Promise<m.ExecutionChanged> {
    return this.change("pause", executionId, options);
  }

  /** Resumes a paused execution. */
  resume(executionId: string, options: PostOptions = {}): Promise<m.ExecutionChanged> {
    return this.change("resume", executionId, options);
  }

  /**
   * Reruns an ended execution as a new execution of the same release: from its beginning, from what
   * failed, or from a step. The results of earlier steps are reused.
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
   * Follows the events of an execution from its start (or after the event with the id `after`) to
   * its end. Reconnects when a connection breaks, without losing or repeating an event.
   */
  events(executionId: string, { after = 0, signal }: FollowOptions = {}): AsyncGenerator<m.Event> {
    const options: CallOptions = { signal };
    return follow<m.Event>(this.http, {
      executionId,
      path: `${path(EXECUTION, executionId)}/events`,
      follower: new EventFollower<m.Event>(after, MANAGEMENT_USER_DATA, FINAL_STATUSES),
      hasEnded: async () => FINAL_STATUSES.has((await this.get(executionId, options)).status),
      options,
    });
  }

  /** Returns a page of an execution's log, in order. */
  logs(executionId: string, options: m.ListOptions = {}): Promise<m.Page<m.LogLine>> {
    return this.getPage(path(LOGS, executionId), options);
  }

  /** Iterates over the log of an execution, in order, page by page. */
  iterLogs(executionId: string, options: m.SortOptions = {}): AsyncGenerator<m.LogLine> {
    return this.iterate(path(LOGS, executionId), options);
  }
}

/** The header that makes a change depend on the version. @internal */
export function ifMatch(version: number | undefined): Record<string, string> {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

function executeCall(
  urlPath: string,
  parameters: Record<string, unknown> | undefined,
  options: m.ExecuteOptions,
): Call {
  const { timeoutSeconds, callbackUrl, metadata, secrets = {}, ...rest } = options;
  const executionOptions = timeoutSeconds === undefined ? undefined : { timeoutSeconds };
  const body = { parameters, executionOptions, callbackUrl, metadata };
  return { method: "POST", path: urlPath, body, headers: secretHeaders(secrets), ...rest };
}
