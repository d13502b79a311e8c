/** The calls of the dataflow API: `/workflows` and `/step-types`. */

import { APIPromise } from "../core/api-promise.js";
import { checkOptions, fixed, path, type NamesOf } from "../core/arguments.js";
import { DATAFLOW_USER_DATA, decodeFields } from "../core/field-names.js";
import { EventFollower, follow } from "../core/follow.js";
import { secretHeaders } from "../core/headers.js";
import { CursorPage, DEFAULT_PAGE_SIZE, PagePromise, type PagePosition } from "../core/page.js";
import { parseJson } from "../core/json.js";
import { Resource } from "../core/resource.js";
import { checkTimeout } from "../core/settings.js";
import {
  POST_NAMES,
  REQUEST_NAMES,
  type Call,
  type PostOptions,
  type QueryValue,
  type RequestOptions,
} from "../core/transport.js";
import { waitForEnd, type WaitOptions } from "../core/wait.js";
import type { Definition } from "../definitions.js";
import { WaitTimeoutError } from "../errors.js";
import type { EventOptions } from "../resources/execution-models.js";
import type * as m from "./models.js";

/** The server delays a response at most this long. */
const MAX_SERVER_WAIT = 30_000;
const FINAL_STATUSES: ReadonlySet<string> = new Set<m.ExecutionStatus>([
  "COMPLETED",
  "FAILED",
  "CANCELLED",
]);
const WORKFLOWS = fixed("/workflows");

const LIST_WORKFLOWS: NamesOf<m.ListWorkflows> = {
  ...REQUEST_NAMES,
  limit: true,
  cursor: true,
  status: true,
};
const LIST_EXECUTIONS: NamesOf<m.ListExecutions> = {
  ...LIST_WORKFLOWS,
  parentExecutionId: true,
};
const EXECUTE: NamesOf<m.ExecuteOptions> = {
  ...POST_NAMES,
  webhookUrl: true,
  releaseTag: true,
  trafficKey: true,
  secrets: true,
};
const CANCEL: NamesOf<m.CancelOptions> = { ...POST_NAMES, reason: true };
const EVENTS: NamesOf<EventOptions> = { after: true, signal: true };
const WAIT: NamesOf<WaitOptions> = { timeout: true, signal: true };

/** A list: the name of its items in the response, and the filters of its query. */
interface CursorList {
  name: string;
  path: Call["path"];
  items: string;
  options: m.CursorOptions;
  optionNames: Readonly<Record<string, true>>;
  filters: Record<string, QueryValue>;
}

/** Workflows and executions of the dataflow API: `client.dataflow`. */
export class DataflowClient extends Resource {
  /** Creates a workflow from a definition: an object, or a string in YAML. */
  createWorkflow(
    definition: Definition | string,
    options: PostOptions = {},
  ): APIPromise<m.WorkflowCreated> {
    return this.sendDataflow({
      name: "dataflow.createWorkflow",
      method: "POST",
      path: path`${WORKFLOWS}`,
      body: definition,
      options,
    });
  }

  /** Lists workflows, newest first. */
  listWorkflows(options: m.ListWorkflows = {}): PagePromise<CursorPage<m.WorkflowRow>> {
    return this.listWithCursor({
      name: "dataflow.listWorkflows",
      path: path`${WORKFLOWS}`,
      items: "workflows",
      options,
      optionNames: LIST_WORKFLOWS,
      filters: { status: options.status },
    });
  }

  /** Returns a workflow with its definition and resolved steps. */
  getWorkflow(workflowId: string, options: RequestOptions = {}): APIPromise<m.Workflow> {
    return this.sendDataflow({
      name: "dataflow.getWorkflow",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId}`,
      options,
    });
  }

  /**
   * Replaces the definition, which creates a release. Retried after 429 only, since each request
   * creates a release; `releases.create` has an idempotency key.
   */
  updateWorkflow(
    workflowId: string,
    definition: Definition | string,
    options: RequestOptions = {},
  ): APIPromise<m.Workflow> {
    return this.sendDataflow({
      name: "dataflow.updateWorkflow",
      method: "PUT",
      path: path`${WORKFLOWS}/${workflowId}`,
      body: definition,
      options,
    });
  }

  /** Deletes a workflow; running executions continue, and its history remains readable. */
  deleteWorkflow(workflowId: string, options: RequestOptions = {}): APIPromise<void> {
    return this.sendForNothing({
      name: "dataflow.deleteWorkflow",
      method: "DELETE",
      path: path`${WORKFLOWS}/${workflowId}`,
      options,
    });
  }

  /** Returns the counts of a workflow's executions. */
  workflowStats(workflowId: string, options: RequestOptions = {}): APIPromise<m.Stats> {
    return this.sendDataflow({
      name: "dataflow.workflowStats",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId}/stats`,
      options,
    });
  }

  /** Queues an execution. */
  execute(
    workflowId: string,
    input?: unknown,
    options: m.ExecuteOptions = {},
  ): APIPromise<m.ExecutionAccepted> {
    return this.sendDataflow(executeCall("execute", workflowId, input, options));
  }

  /**
   * Executes a workflow and returns the ended execution, whatever its status. Throws
   * `WaitTimeoutError` if it did not end within `timeout` (default: no limit).
   */
  async run(
    workflowId: string,
    input?: unknown,
    options: m.ExecuteOptions = {},
  ): Promise<m.Execution> {
    const { timeout, signal } = options;
    checkTimeout(timeout);
    const started = performance.now();
    const wait = Math.max(1, Math.round(Math.min(timeout ?? MAX_SERVER_WAIT, MAX_SERVER_WAIT)));
    const response = await this.sendDataflow<m.Execution | m.ExecutionAccepted>({
      ...executeCall("run", workflowId, input, { ...options, timeout: wait + 30_000 }),
      query: { wait: true, timeout: `${wait}ms` },
    });
    if ("status" in response) return response;
    const { executionId } = response;
    if (timeout === undefined) return this.wait(workflowId, executionId, { signal });
    const remaining = Math.max(1, timeout - (performance.now() - started));
    try {
      return await this.wait(workflowId, executionId, { signal, timeout: remaining });
    } catch (error) {
      throw error instanceof WaitTimeoutError ? new WaitTimeoutError(executionId, timeout) : error;
    }
  }

  /** Waits for the end of an execution and returns it, whatever its status. */
  async wait(
    workflowId: string,
    executionId: string,
    options: WaitOptions = {},
  ): Promise<m.Execution> {
    checkOptions("dataflow.wait", { given: options, known: WAIT });
    return waitForEnd(this.transport, {
      name: "dataflow.wait",
      executionId,
      events: path`${WORKFLOWS}/${workflowId}/executions/${executionId}/events`,
      get: (signal) => this.getExecution(workflowId, executionId, { signal }),
      hasEnded: ({ status }) => FINAL_STATUSES.has(status),
      options,
    });
  }

  /** Returns an execution with its tasks. */
  getExecution(
    workflowId: string,
    executionId: string,
    options: RequestOptions = {},
  ): APIPromise<m.Execution> {
    return this.sendDataflow({
      name: "dataflow.getExecution",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId}/executions/${executionId}`,
      options,
      executionId,
    });
  }

  /** Lists the executions of a workflow, newest first. */
  listExecutions(
    workflowId: string,
    options: m.ListExecutions = {},
  ): PagePromise<CursorPage<m.ExecutionRow>> {
    return this.listWithCursor({
      name: "dataflow.listExecutions",
      path: path`${WORKFLOWS}/${workflowId}/executions`,
      items: "executions",
      options,
      optionNames: LIST_EXECUTIONS,
      filters: { status: options.status, parent_execution_id: options.parentExecutionId },
    });
  }

  /** Cancels an execution. */
  cancel(
    workflowId: string,
    executionId: string,
    options: m.CancelOptions = {},
  ): APIPromise<m.ExecutionChanged> {
    const { reason } = options;
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", workflowId, executionId, { body, options, optionNames: CANCEL });
  }

  /** Pauses an execution: running steps finish, no further step starts. */
  pause(
    workflowId: string,
    executionId: string,
    options: PostOptions = {},
  ): APIPromise<m.ExecutionChanged> {
    return this.change("pause", workflowId, executionId, { options });
  }

  /** Resumes a paused execution. */
  resume(
    workflowId: string,
    executionId: string,
    options: PostOptions = {},
  ): APIPromise<m.ExecutionChanged> {
    return this.change("resume", workflowId, executionId, { options });
  }

  private change(
    verb: "cancel" | "pause" | "resume",
    workflowId: string,
    executionId: string,
    rest: Partial<Call>,
  ): APIPromise<m.ExecutionChanged> {
    return this.sendDataflow({
      name: `dataflow.${verb}`,
      method: "POST",
      path: path`${WORKFLOWS}/${workflowId}/executions/${executionId}/${verb}`,
      executionId,
      ...rest,
    });
  }

  /**
   * Follows the events of an execution from its start (or after the event with the id `after`) to
   * its end. Reconnects when a connection breaks, without losing or repeating an event.
   */
  async *events(
    workflowId: string,
    executionId: string,
    options: EventOptions = {},
  ): AsyncGenerator<m.ExecutionEvent> {
    checkOptions("dataflow.events", { given: options, known: EVENTS });
    const { after = 0, signal } = options;
    const get = () => this.getExecution(workflowId, executionId, { signal });
    yield* follow<m.ExecutionEvent>(this.transport, {
      call: {
        name: "dataflow.events",
        method: "GET",
        path: path`${WORKFLOWS}/${workflowId}/executions/${executionId}/events`,
        options: { signal },
        executionId,
      },
      follower: new EventFollower<m.ExecutionEvent>(after, DATAFLOW_USER_DATA, FINAL_STATUSES),
      hasEnded: async () => FINAL_STATUSES.has((await get()).status),
    });
  }

  /** Returns the log of an execution, in order. */
  logs(
    workflowId: string,
    executionId: string,
    options: RequestOptions = {},
  ): APIPromise<m.LogLine[]> {
    return this.sendDataflow(
      {
        name: "dataflow.logs",
        method: "GET",
        path: path`${WORKFLOWS}/${workflowId}/executions/${executionId}/logs`,
        options,
        executionId,
      },
      ({ logs }: { logs: m.LogLine[] }) => logs,
    );
  }

  /** Returns all step types, sorted by name. */
  stepTypes(options: RequestOptions = {}): APIPromise<m.StepType[]> {
    return this.sendDataflow(
      { name: "dataflow.stepTypes", method: "GET", path: path`/step-types`, options },
      ({ stepTypes }: { stepTypes: m.StepType[] }) => stepTypes,
    );
  }

  private sendDataflow<T>(
    call: Call,
    convert: (response: any) => T = (response: T) => response,
  ): APIPromise<T> {
    return new APIPromise(this.transport.send(call), (received) =>
      convert(decodeFields(parseJson(call.name, received), DATAFLOW_USER_DATA)),
    );
  }

  private listWithCursor<T>(list: CursorList): PagePromise<CursorPage<T>> {
    const { name, path, items, options, optionNames, filters } = list;
    const getPage = (
      position: PagePosition,
      previous?: PagePosition,
    ): PagePromise<CursorPage<T>> => {
      const received = this.transport.send({
        name,
        method: "GET",
        path,
        query: { ...filters, limit: options.limit ?? DEFAULT_PAGE_SIZE, cursor: position.cursor },
        options,
        optionNames,
      });
      return new PagePromise(received, (response) => {
        const decoded = decodeFields(parseJson(name, response), DATAFLOW_USER_DATA);
        const { nextCursor, ...lists } = decoded as { nextCursor: string | null };
        const content = { items: (lists as Record<string, T[]>)[items] ?? [], nextCursor };
        return new CursorPage(content, { getPage, position, previous });
      });
    };
    return getPage({ cursor: options.cursor });
  }
}

function executeCall(
  verb: "execute" | "run",
  workflowId: string,
  input: unknown,
  options: m.ExecuteOptions,
): Call {
  return {
    name: `dataflow.${verb}`,
    method: "POST",
    path: path`${WORKFLOWS}/${workflowId}/execute`,
    body: {
      input,
      webhook_url: options.webhookUrl,
      release_tag: options.releaseTag,
      traffic_key: options.trafficKey,
    },
    headers: secretHeaders(options.secrets),
    options,
    optionNames: EXECUTE,
  };
}
