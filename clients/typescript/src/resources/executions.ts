/** Executions: `/api/v1/workflow_executions`. */

import type { APIPromise } from "../core/api-promise.js";
import { checkOptions, fixed, path, type NamesOf } from "../core/arguments.js";
import { decodeFields, MANAGEMENT_USER_DATA } from "../core/field-names.js";
import { EventFollower, follow } from "../core/follow.js";
import { secretHeaders } from "../core/headers.js";
import { LineSplitter } from "../core/lines.js";
import type { Page, PagePromise } from "../core/page.js";
import { workflowId } from "../core/references.js";
import { CURSOR_LIST_NAMES, LIST_NAMES, Resource } from "../core/resource.js";
import {
  POST_NAMES,
  readChunks,
  REQUEST_NAMES,
  type Call,
  type PostOptions,
  type RequestOptions,
} from "../core/transport.js";
import { waitForEnd, type WaitOptions } from "../core/wait.js";
import { StepwellError, UnexpectedResponseError } from "../errors.js";
import type * as e from "./execution-models.js";

const EXECUTIONS = fixed("/api/v1/workflow_executions");
const SIGNALS = fixed("/api/v1/signals");

export const FINAL_STATUSES: ReadonlySet<string> = new Set<e.ExecutionStatus>([
  "completed",
  "failed",
  "timed_out",
  "cancelled",
]);

const LIST: NamesOf<e.ListExecutions> = {
  ...CURSOR_LIST_NAMES,
  workflow: true,
  status: true,
  startDate: true,
  endDate: true,
  externalId: true,
  parentExecutionId: true,
  metadata: true,
};
const GET: NamesOf<e.GetExecutionOptions> = { ...REQUEST_NAMES, includeIo: true };
const WAIT: NamesOf<WaitOptions> = { timeout: true, signal: true };
const EVENTS: NamesOf<e.EventOptions> = { after: true, signal: true };
const CANCEL: NamesOf<e.CancelOptions> = { ...POST_NAMES, reason: true };
const SIGNAL_BY_KEY: NamesOf<e.SendSignalByKeyOptions> = {
  ...POST_NAMES,
  data: true,
  id: true,
  keep: true,
};
const SIGNAL: NamesOf<e.SendSignalOptions> = { ...SIGNAL_BY_KEY, key: true };
const RERUN: NamesOf<e.RerunOptions> = {
  ...POST_NAMES,
  parameters: true,
  fromFailed: true,
  fromStep: true,
  input: true,
  callbackUrl: true,
  releaseTag: true,
  trafficKey: true,
  secrets: true,
};

/** The names in the data of a signal belong to users. */
const SIGNAL_DATA: ReadonlySet<string> = new Set(["data"]);

/** The fields of an execution as any response has them. */
type ReceivedExecution = Partial<e.Execution> & { executionId: string; status: e.ExecutionStatus };

/** An execution from any response. */
export function toExecution({ executionId, ...fields }: ReceivedExecution): e.Execution {
  return {
    id: executionId,
    workflowId: "",
    startedAt: null,
    completedAt: null,
    durationMs: null,
    parameters: null,
    result: null,
    error: null,
    steps: [],
    metadata: {},
    callbackUrl: null,
    rerunOf: null,
    ...fields,
    ended: FINAL_STATUSES.has(fields.status),
  };
}

function decodeFileLine<R>(line: string): e.FileLine<R> {
  try {
    return decodeFields(JSON.parse(line), MANAGEMENT_USER_DATA) as e.FileLine<R>;
  } catch (cause) {
    throw new UnexpectedResponseError("a line of the file cannot be decoded", undefined, cause);
  }
}

/** Executions of all workflows: `client.executions`. */
export class Executions extends Resource {
  /** Returns an execution with its steps. */
  get<R = any>(
    executionId: string,
    options: e.GetExecutionOptions = {},
  ): APIPromise<e.Execution<R | null>> {
    return this.send(
      {
        name: "executions.get",
        method: "GET",
        path: path`${EXECUTIONS}/${executionId}`,
        query: { include: options.includeIo ? "io" : undefined },
        options,
        optionNames: GET,
        executionId,
      },
      toExecution,
    );
  }

  /** Lists executions, newest first, without their steps, parameters and results. */
  list(options: e.ListExecutions = {}): PagePromise<Page<e.Execution>> {
    const workflow = options.workflow === undefined ? undefined : workflowId(options.workflow);
    return this.listItems(
      {
        name: "executions.list",
        path: path`${EXECUTIONS}`,
        options,
        optionNames: LIST,
        query: { workflow: undefined, workflow_id: workflow },
      },
      toExecution,
    );
  }

  /**
   * Waits for the end of an execution and returns it, whatever its status. The server reports the
   * end as soon as it happens.
   */
  async wait<R = any>(
    executionId: string,
    options: WaitOptions = {},
  ): Promise<e.Execution<R | null>> {
    checkOptions("executions.wait", { given: options, known: WAIT });
    return waitForEnd(this.transport, {
      name: "executions.wait",
      executionId,
      events: path`${EXECUTIONS}/${executionId}/events`,
      get: (signal) => this.get<R>(executionId, { signal }),
      hasEnded: ({ ended }) => ended,
      options,
    });
  }

  /**
   * Follows the events of an execution from its start (or after the event with the id `after`) to
   * its end. Reconnects when a connection breaks, without losing or repeating an event.
   */
  async *events(
    executionId: string,
    options: e.EventOptions = {},
  ): AsyncGenerator<e.ExecutionEvent> {
    checkOptions("executions.events", { given: options, known: EVENTS });
    const { after = 0, signal } = options;
    yield* follow<e.ExecutionEvent>(this.transport, {
      call: {
        name: "executions.events",
        method: "GET",
        path: path`${EXECUTIONS}/${executionId}/events`,
        options: { signal },
        executionId,
      },
      follower: new EventFollower<e.ExecutionEvent>(after, MANAGEMENT_USER_DATA, FINAL_STATUSES),
      hasEnded: async () => (await this.get(executionId, { signal })).ended,
    });
  }

  /** Cancels an execution. */
  cancel(executionId: string, options: e.CancelOptions = {}): APIPromise<e.ExecutionChange> {
    const { reason } = options;
    const body = reason === undefined ? undefined : { reason };
    return this.change("cancel", executionId, { body, options, optionNames: CANCEL });
  }

  /** Pauses an execution: running steps finish, no further step starts. */
  pause(executionId: string, options: PostOptions = {}): APIPromise<e.ExecutionChange> {
    return this.change("pause", executionId, { options });
  }

  /** Resumes a paused execution. */
  resume(executionId: string, options: PostOptions = {}): APIPromise<e.ExecutionChange> {
    return this.change("resume", executionId, { options });
  }

  /**
   * Sends a signal to an execution: the step that waits for it continues with `data` as its output.
   */
  sendSignal(
    executionId: string,
    name: string,
    options: e.SendSignalOptions = {},
  ): APIPromise<e.SentSignal> {
    const { data, key, id, keep } = options;
    return this.send({
      name: "executions.sendSignal",
      method: "POST",
      path: path`${EXECUTIONS}/${executionId}/signals/${name}`,
      body: { data, key, id, keep },
      options,
      optionNames: SIGNAL,
      executionId,
    }, undefined, SIGNAL_DATA);
  }

  /**
   * Sends a signal to the execution that has waited longest for its correlation `key`. If none
   * waits, it is kept for the first one that does.
   */
  sendSignalByKey(
    name: string,
    key: string,
    options: e.SendSignalByKeyOptions = {},
  ): APIPromise<e.SentSignal> {
    const { data, id, keep } = options;
    return this.send({
      name: "executions.sendSignalByKey",
      method: "POST",
      path: path`${SIGNALS}/${name}`,
      body: { key, data, id, keep },
      options,
      optionNames: SIGNAL_BY_KEY,
    }, undefined, SIGNAL_DATA);
  }

  /**
   * Reruns an ended execution as a new execution of the same release: from its beginning, from what
   * failed, or from a step. The results of earlier steps are reused.
   */
  rerun<R = any>(
    executionId: string,
    options: e.RerunOptions = {},
  ): APIPromise<e.Execution<R | null>> {
    const { parameters, fromFailed, fromStep, input, callbackUrl, secrets } = options;
    const { releaseTag, trafficKey } = options;
    const from = fromFailed ? "failed" : undefined;
    return this.send(
      {
        name: "executions.rerun",
        method: "POST",
        path: path`${EXECUTIONS}/${executionId}/rerun`,
        headers: secretHeaders(secrets),
        body: { parameters, from, fromStep, input, callbackUrl, releaseTag, trafficKey },
        options,
        optionNames: RERUN,
        executionId,
      },
      toExecution,
    );
  }

  private change(
    verb: "cancel" | "pause" | "resume",
    executionId: string,
    rest: Partial<Call>,
  ): APIPromise<e.ExecutionChange> {
    return this.send(
      {
        name: `executions.${verb}`,
        method: "POST",
        path: path`${EXECUTIONS}/${executionId}/${verb}`,
        executionId,
        ...rest,
      },
      ({ executionId: id, status }: { executionId: string; status: e.ExecutionStatus }) => ({
        id,
        status,
      }),
    );
  }

  /** Lists the log of an execution, in order. */
  logs(executionId: string, options: e.ListLogs = {}): PagePromise<Page<e.LogLine>> {
    return this.listItems({
      name: "executions.logs",
      path: path`${EXECUTIONS}/${executionId}/logs`,
      options,
      optionNames: LIST_NAMES,
    });
  }

  /** Lists the files of an execution: the results of maps with `collect: file`. */
  listFiles(executionId: string, options: e.ListFiles = {}): PagePromise<Page<e.ExecutionFile>> {
    return this.listItems({
      name: "executions.listFiles",
      path: path`${EXECUTIONS}/${executionId}/files`,
      options,
      optionNames: LIST_NAMES,
    });
  }

  /**
   * Yields the results in a file of an execution, in the order of the items, while they are
   * received. The request is sent when the iteration starts. `timeout` is the longest time without
   * data. Throws `ConnectionFailedError` if the connection breaks before the end of the file.
   */
  async *readFile<R = any>(
    executionId: string,
    name: string,
    options: RequestOptions = {},
  ): AsyncGenerator<e.FileLine<R>> {
    const opened = await this.transport.open({
      name: "executions.readFile",
      method: "GET",
      path: path`${EXECUTIONS}/${executionId}/files/${name}`,
      options,
      executionId,
    });
    const lines = new LineSplitter();
    try {
      for await (const chunk of readChunks(opened)) {
        for (const line of lines.feed(chunk)) yield decodeFileLine<R>(line);
      }
    } catch (error) {
      if (error instanceof StepwellError) throw error;
      const context = { deadline: opened.deadline, signal: options.signal, executionId };
      throw this.transport.transportError(error, context);
    } finally {
      opened.deadline.close();
    }
  }

  /** Lists the feedback on the outputs of an execution, in the order of its submission. */
  listActuals(executionId: string, options: e.ListActuals = {}): PagePromise<Page<e.Actual>> {
    return this.listItems({
      name: "executions.listActuals",
      path: path`${EXECUTIONS}/${executionId}/actuals`,
      options,
      optionNames: LIST_NAMES,
    });
  }
}
