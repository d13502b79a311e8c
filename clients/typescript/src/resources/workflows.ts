/** Workflows: `/api/v1/workflows`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, checkOptions, fixed, path, type NamesOf } from "../core/arguments.js";
import { secretHeaders } from "../core/headers.js";
import type { Page, PagePromise } from "../core/page.js";
import { workflowId } from "../core/references.js";
import { CURSOR_LIST_NAMES, ifMatch, Resource } from "../core/resource.js";
import { checkTimeout } from "../core/settings.js";
import {
  POST_NAMES,
  REQUEST_NAMES,
  type Call,
  type PostOptions,
  type RequestOptions,
} from "../core/transport.js";
import {
  APIError,
  ExecutionFailedError,
  executionOfError,
  isExecutionError,
  throwIfFailed,
  WaitTimeoutError,
} from "../errors.js";
import type { Definition } from "../definitions.js";
import type { ExecuteOptions, Execution, StartOptions } from "./execution-models.js";
import { toExecution, type Executions } from "./executions.js";
import type { DryRun, DryRunOptions, Evaluation, EvaluationSource, Validation } from "./trial-models.js";
import type * as w from "./workflow-models.js";

const WORKFLOWS = fixed("/api/v1/workflows");

/** How long the server may take for an execution that it waits for. */
const EXECUTE_TIMEOUT = 600_000;
/** How long after the end of the execution the response may arrive. */
const RESPONSE_MARGIN = 30_000;

const LIST: NamesOf<w.ListWorkflows> = {
  ...CURSOR_LIST_NAMES,
  status: true,
  type: true,
  metadata: true,
};
const FIELDS: NamesOf<w.NewWorkflow> = {
  name: true,
  description: true,
  type: true,
  configuration: true,
  integrations: true,
  metadata: true,
};
const UPDATE: NamesOf<w.UpdateOptions> = { ...REQUEST_NAMES, ifVersion: true };
const ACTIVATE: NamesOf<w.ActivateOptions> = { ...POST_NAMES, ifVersion: true };
const DELETE: NamesOf<w.DeleteWorkflowOptions> = { ...UPDATE, cancelRunning: true };
const START: NamesOf<StartOptions> = {
  ...POST_NAMES,
  executionTimeout: true,
  callbackUrl: true,
  metadata: true,
  releaseTag: true,
  trafficKey: true,
  secrets: true,
};

const EVALUATE: NamesOf<EvaluationSource> = { expression: true, template: true, scope: true };
const DRY_RUN: NamesOf<DryRunOptions> = { ...POST_NAMES, mocks: true, vars: true, now: true };

/**
 * Workflows: `client.workflows`. A `workflow` is the id or the name of one; of several workflows
 * with the same name, the newest.
 */
export class Workflows extends Resource {
  readonly #executions: Executions;

  /** @internal */
  constructor(executions: Executions, ...parameters: ConstructorParameters<typeof Resource>) {
    super(...parameters);
    this.#executions = executions;
  }

  /** Creates a workflow. It is inactive until you call `activate`. */
  create(workflow: w.NewWorkflow, options: PostOptions = {}): APIPromise<w.Workflow> {
    return this.send({
      name: "workflows.create",
      method: "POST",
      path: path`${WORKFLOWS}`,
      body: { type: "custom", ...workflow },
      checks: [checked(workflow, FIELDS)],
      options,
    });
  }

  /** Returns a workflow with the counts of its executions. */
  get(workflow: string, options: RequestOptions = {}): APIPromise<w.Workflow> {
    return this.send({
      name: "workflows.get",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId(workflow)}`,
      options,
    });
  }

  /** Lists workflows. */
  list(options: w.ListWorkflows = {}): PagePromise<Page<w.WorkflowSummary>> {
    return this.listItems({
      name: "workflows.list",
      path: path`${WORKFLOWS}`,
      options,
      optionNames: LIST,
    });
  }

  /**
   * Updates the given fields. A change of the definition creates the next release. With
   * `ifVersion`, throws `PreconditionFailedError` if the workflow has another `version`.
   */
  update(
    workflow: string,
    changes: w.WorkflowChange,
    options: w.UpdateOptions = {},
  ): APIPromise<w.Workflow> {
    return this.send({
      name: "workflows.update",
      method: "PUT",
      path: path`${WORKFLOWS}/${workflowId(workflow)}`,
      headers: ifMatch(options),
      body: changes,
      checks: [checked(changes as w.NewWorkflow, FIELDS)],
      options,
      optionNames: UPDATE,
    });
  }

  /** Activates a workflow, so that it can be executed. */
  activate(workflow: string, options: w.ActivateOptions = {}): APIPromise<w.WorkflowStatus> {
    return this.changeStatus("activate", workflow, options);
  }

  /** Deactivates a workflow: no new executions start, running ones continue. */
  deactivate(workflow: string, options: w.ActivateOptions = {}): APIPromise<w.WorkflowStatus> {
    return this.changeStatus("deactivate", workflow, options);
  }

  private changeStatus(
    verb: "activate" | "deactivate",
    workflow: string,
    options: w.ActivateOptions,
  ): APIPromise<w.WorkflowStatus> {
    return this.send({
      name: `workflows.${verb}`,
      method: "POST",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/${verb}`,
      headers: ifMatch(options),
      options,
      optionNames: ACTIVATE,
    });
  }

  /**
   * Deletes a workflow; its history remains readable. Running executions continue, or are cancelled
   * with `cancelRunning`.
   */
  delete(workflow: string, options: w.DeleteWorkflowOptions = {}): APIPromise<w.Deleted> {
    return this.send({
      name: "workflows.delete",
      method: "DELETE",
      path: path`${WORKFLOWS}/${workflowId(workflow)}`,
      query: { cancel_running: options.cancelRunning ? true : undefined },
      headers: ifMatch(options),
      options,
      optionNames: DELETE,
    });
  }

  /** Returns the definition that the configuration was compiled to. */
  getDefinition(workflow: string, options: RequestOptions = {}): APIPromise<w.WorkflowDefinition> {
    return this.send({
      name: "workflows.getDefinition",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/definition`,
      options,
    });
  }

  /** Returns totals of the feedback on the outputs of a workflow. */
  quality(workflow: string, options: RequestOptions = {}): APIPromise<w.Quality> {
    return this.send({
      name: "workflows.quality",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/quality`,
      options,
    });
  }

  /**
   * Validates a definition, an object or a string with YAML, and stores nothing. Returns its
   * problems, or its steps, edges and schemas.
   */
  validate(definition: Definition | string, options: PostOptions = {}): APIPromise<Validation> {
    return this.sendDocument({
      name: "workflows.validate",
      method: "POST",
      path: path`${WORKFLOWS}/validate`,
      body: definition,
      options,
    });
  }

  /**
   * Runs a workflow in the memory of the server: without effects, storage and waiting. A run that
   * fails is returned, not thrown.
   */
  dryRun(
    workflow: string,
    parameters?: Record<string, unknown>,
    options: DryRunOptions = {},
  ): APIPromise<DryRun> {
    const { mocks, vars, now } = options;
    return this.send({
      name: "workflows.dryRun",
      method: "POST",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/dry-run`,
      body: { parameters, mocks, vars, now },
      options,
      optionNames: DRY_RUN,
    });
  }

  /** As `dryRun`, with a definition that is not stored. */
  dryRunDefinition(
    definition: Definition,
    parameters?: Record<string, unknown>,
    options: DryRunOptions = {},
  ): APIPromise<DryRun> {
    const { mocks, vars, now } = options;
    return this.send({
      name: "workflows.dryRunDefinition",
      method: "POST",
      path: path`${WORKFLOWS}/dry-run`,
      body: { definition, parameters, mocks, vars, now },
      options,
      optionNames: DRY_RUN,
    });
  }

  /**
   * Evaluates an expression or a template over a scope. One that fails is returned with its
   * `error`, not thrown.
   */
  evaluate(source: EvaluationSource, options: PostOptions = {}): APIPromise<Evaluation> {
    return this.send({
      name: "workflows.evaluate",
      method: "POST",
      path: path`/api/v1/expressions/evaluate`,
      body: source,
      checks: [checked(source, EVALUATE)],
      options,
    });
  }

  /**
   * Executes a workflow and returns the completed execution; `R` is the type of its result. Throws
   * `ExecutionFailedError` if it failed, was cancelled or took longer than `executionTimeout`, and
   * `WaitTimeoutError` if it did not end within `timeout`.
   */
  async execute<R = any>(
    workflow: string,
    parameters?: Record<string, unknown>,
    options: ExecuteOptions = {},
  ): Promise<Execution<R>> {
    const { timeout, signal, executionTimeout, ...rest } = options;
    checkOptions("workflows.execute", { given: options, known: START });
    checkTimeout(timeout);
    if (timeout !== undefined) return this.startAndWait<R>(workflow, parameters, options);
    const defaultTimeout =
      executionTimeout === undefined ? EXECUTE_TIMEOUT : executionTimeout + RESPONSE_MARGIN;
    const call = startCall("execute", workflow, parameters, { ...rest, signal, executionTimeout });
    let execution: Execution<R>;
    try {
      execution = await this.send<Execution<R>>({ ...call, defaultTimeout }, toExecution);
    } catch (error) {
      throw isExecutionError(error) ? await this.executionFailure(error, options) : error;
    }
    if (execution.ended) return execution;
    // It takes longer than the server delays a response.
    return throwIfFailed(await this.#executions.wait<R>(execution.id, { signal })) as Execution<R>;
  }

  private async startAndWait<R>(
    workflow: string,
    parameters: Record<string, unknown> | undefined,
    options: ExecuteOptions,
  ): Promise<Execution<R>> {
    const { timeout = Infinity, signal } = options;
    const started = performance.now();
    const { id } = await this.start(workflow, parameters, options);
    const remaining = timeout - (performance.now() - started);
    if (remaining <= 0) throw new WaitTimeoutError(id, timeout);
    try {
      const ended = await this.#executions.wait<R>(id, { timeout: remaining, signal });
      return throwIfFailed(ended) as Execution<R>;
    } catch (error) {
      throw error instanceof WaitTimeoutError ? new WaitTimeoutError(id, timeout) : error;
    }
  }

  /** The error with the whole execution, or with the part of it that the response shows. */
  private async executionFailure(
    error: APIError,
    { signal }: RequestOptions,
  ): Promise<ExecutionFailedError> {
    const { id = "", ...shown } = executionOfError(error);
    const part = toExecution({ executionId: id, status: "failed", ...shown });
    const whole = await this.#executions.get(id, { signal }).catch((reason: unknown) => {
      // The key can lack the scope for reading executions.
      if (reason instanceof APIError) return part;
      throw reason;
    });
    return new ExecutionFailedError(whole, error.requestId);
  }

  /**
   * Starts an execution and returns without waiting. The execution is durable; `executions.wait`
   * waits for its end.
   */
  start<R = any>(
    workflow: string,
    parameters?: Record<string, unknown>,
    options: StartOptions = {},
  ): APIPromise<Execution<R | null>> {
    return this.send(startCall("start", workflow, parameters, options), toExecution);
  }
}

function startCall(
  verb: "execute" | "start",
  workflow: string,
  parameters: Record<string, unknown> | undefined,
  options: StartOptions,
): Call {
  const { executionTimeout, callbackUrl, metadata, releaseTag, trafficKey, secrets } = options;
  const executionOptions =
    executionTimeout === undefined ? undefined : { timeoutSeconds: executionTimeout / 1000 };
  const action = fixed(verb === "execute" ? "execute" : "execute_async");
  return {
    name: `workflows.${verb}`,
    method: "POST",
    path: path`${WORKFLOWS}/${workflowId(workflow)}/${action}`,
    headers: secretHeaders(secrets),
    body: { parameters, executionOptions, callbackUrl, metadata, releaseTag, trafficKey },
    options,
    optionNames: START,
  };
}
