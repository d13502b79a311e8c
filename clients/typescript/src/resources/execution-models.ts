/** Executions of the management API: responses and options. A newer server can add fields. */

import type { CursorListOptions, ListOptions } from "../core/resource.js";
import type { Secret } from "../core/secret.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";
import type { WarningItem } from "./workflow-models.js";

export type ExecutionStatus =
  "queued" | "running" | "paused" | "completed" | "failed" | "timed_out" | "cancelled";

/** A status by which lists are filtered; waiting executions are running ones. */
export type ExecutionFilter = ExecutionStatus | "waiting";

/** The cause of a failed step or execution; `step` is null if no single step is the cause. */
export interface Failure {
  code: string;
  message: string;
  step: string | null;
  attempt: number | null;
  details: unknown;
}

/** An attempt of a step. */
export interface StepAttempt {
  number: number;
  status: "pending" | "running" | "completed" | "failed" | "skipped" | "cancelled" | "not_reached";
  startedAt: Date;
  completedAt: Date | null;
  durationMs: number | null;
  error: { code: string; message: string } | null;
  /** When the next attempt is due, or was; null: there is no next one. */
  nextAttemptAt: Date | null;
}

/** What a step waits for. */
export interface StepWait {
  for: "timer" | "retry" | "sub_workflow" | "signal" | "approval" | "concurrency";
  /** Null if it is not known. */
  until: Date | null;
  /** The name of the signal. */
  signal?: string;
  /** The correlation key of the signal, or the concurrency key. */
  key?: string;
  /** For `concurrency`: how many attempts of the step with the key run at the same time. */
  limit?: number;
  /** For `concurrency`: the position in the queue of the server, from 1 to 10,000. */
  position?: number;
}

/** What an execution waits for; `step` is null while it is queued, `until` if it is not known. */
export interface ExecutionWait {
  for: "timer" | "retry" | "sub_workflow" | "signal" | "approval" | "concurrency" | "capacity";
  step: string | null;
  until: Date | null;
  /** The name of the signal. */
  signal?: string;
  /** The correlation key of the signal, or the concurrency key. */
  key?: string;
  /** For `concurrency`: how many with the key may be under way at the same time. */
  limit?: number;
  /** For `concurrency` of a workflow: its position in the queue of the key, from 1. */
  position?: number;
}

/** The run of a step in an execution. */
export interface StepRun {
  name: string;
  type: string;
  status: "pending" | "running" | "completed" | "failed" | "skipped" | "cancelled" | "not_reached";
  startedAt: Date | null;
  completedAt: Date | null;
  durationMs: number | null;
  attempt: number;
  /** In order; in events only the last one. */
  attempts: StepAttempt[];
  waiting: StepWait | null;
  error: Failure | null;
  /** Why it was skipped: its `when` was false, or no edge led to it. */
  skipReason?: "condition" | "not_taken";
  /** Whether its result is that of the execution that this one reruns. */
  reused: boolean;
  /** The step that it compensates, if it is a compensation. */
  compensates?: string;
  /** With `includeIo`. */
  input?: any;
  /** With `includeIo`. */
  output?: any;
  /** With `includeIo`: its configuration with all expressions evaluated. */
  config?: any;
  /** Whether `config` was shortened. */
  configTruncated?: boolean;
  /** The execution that a `SubWorkflow` started. */
  childExecutionId?: string;
}

/**
 * An execution; `R` is the type of its result. `get` and `wait` return all fields. Other calls,
 * such as `list` and `start`, return a part of them: the optional fields are then undefined, the
 * others null or empty.
 */
export interface Execution<R = any> {
  warnings?: WarningItem[] | null;
  id: string;
  workflowId: string;
  workflowName?: string;
  status: ExecutionStatus;
  /** Whether it has ended: completed, failed, timed out or cancelled. */
  ended: boolean;
  createdAt?: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  durationMs: number | null;
  parameters: any;
  /** With `includeIo`: the variables of the workspace that its definition reads. */
  vars?: Record<string, unknown>;
  /** Null unless it is completed. */
  result: R;
  /** Null unless it failed. */
  error: Failure | null;
  /** What it waits for, if nothing of it runs. */
  waiting?: ExecutionWait | null;
  /** In lists: whether it waits and nothing of it runs. */
  isWaiting?: boolean;
  /** In the order of the definition. */
  steps: StepRun[];
  metadata: Record<string, unknown>;
  release?: number;
  /** The release tag that selected the release. */
  releaseTag?: string;
  callbackUrl: string | null;
  /** The execution that it reruns. */
  rerunOf: string | null;
  /** The execution that started it, if it is a sub-workflow. */
  parentExecutionId?: string;
  /** The step that started it, if it is a sub-workflow. */
  parentStep?: string;
  /** The schedule that `schedules.trigger` started it for. */
  scheduleId?: string;
}

/** Response to cancel, pause and resume. */
export interface ExecutionChange {
  id: string;
  status: ExecutionStatus;
}

/** Options of `executions.sendSignalByKey`. */
export interface SendSignalByKeyOptions extends PostOptions {
  /** The output of the step that consumes the signal. */
  data?: unknown;
  /** Further signals with the same name and id are ignored. */
  id?: string | undefined;
  /** `false`: a signal that no step waits for is rejected, instead of kept. */
  keep?: boolean | undefined;
}

/** Options of `executions.sendSignal`. */
export interface SendSignalOptions extends SendSignalByKeyOptions {
  /** Only a step that waits for this key may consume the signal. */
  key?: string | undefined;
}

/** What became of a signal. */
export interface SentSignal {
  name: string;
  status: "consumed" | "kept" | "repeated";
  /** The execution that received it; null if it is kept until an execution waits for it. */
  executionId: string | null;
  /** When it is deleted if no execution has waited for it. */
  expiresAt: Date | null;
}

/** Options of `workflows.start`. */
export interface StartOptions extends PostOptions {
  /** After this time, in milliseconds, the server ends the execution as `timed_out`. */
  executionTimeout?: number | undefined;
  /** Receives the ended execution as a signed webhook. */
  callbackUrl?: string | undefined;
  /** Selects the release to run. */
  releaseTag?: string | undefined;
  /** Of several releases of the tag, the same key always selects the same one. */
  trafficKey?: string | undefined;
  /** Labels of the execution. */
  metadata?: Record<string, unknown> | undefined;
  /** Secrets by name, for this execution only. */
  secrets?: Record<string, string | Secret> | undefined;
}

/** Options of `workflows.execute`. */
export interface ExecuteOptions extends StartOptions {
  /** Milliseconds to wait for the end; then `WaitTimeoutError` is thrown. No limit by default. */
  timeout?: number | undefined;
}

/** Options of a rerun, by default from the beginning. */
export interface RerunOptions extends PostOptions {
  /** New parameters; not with `fromFailed` and `fromStep`. */
  parameters?: Record<string, unknown> | undefined;
  /** Rerun the steps that failed or were not reached. */
  fromFailed?: boolean | undefined;
  /** Rerun from this step. */
  fromStep?: string | undefined;
  /** With `fromStep`: a new input of the step. */
  input?: unknown;
  callbackUrl?: string | undefined;
  /** Selects the release to run. */
  releaseTag?: string | undefined;
  /** Of several releases of the tag, the same key always selects the same one. */
  trafficKey?: string | undefined;
  /** Secrets by name, for this execution only. */
  secrets?: Record<string, string | Secret> | undefined;
}

/** Filters of executions, newest first by default. The dates are those of the creation. */
export interface ListExecutions extends CursorListOptions {
  sortBy?: "created_at" | undefined;
  /** The id or the name of a workflow. */
  workflow?: string | undefined;
  status?: ExecutionFilter | ExecutionFilter[] | undefined;
  /** Inclusive; a string can be a date. */
  startDate?: Date | string | undefined;
  /** Inclusive; a string can be a date. */
  endDate?: Date | string | undefined;
  /** The id that the caller of a deployment chose. */
  externalId?: string | undefined;
  /** Only sub-workflows of this execution. */
  parentExecutionId?: string | undefined;
  /** Labels that they must have. */
  metadata?: Record<string, string> | undefined;
}

export interface GetExecutionOptions extends RequestOptions {
  /** Adds the inputs and outputs of the steps. */
  includeIo?: boolean | undefined;
}

export interface CancelOptions extends PostOptions {
  /** For the log of the execution. */
  reason?: string | undefined;
}

export interface EventOptions {
  /** The id of the last known event. */
  after?: number | string | undefined;
  signal?: AbortSignal | undefined;
}

/** A line of an execution's log; `step` is null if it is about the whole execution. */
export interface LogLine {
  sequence: number;
  timestamp: Date;
  step: string | null;
  level: string;
  message: string;
}

/**
 * A file of an execution: the results of a `Map` with `collect: file`. It can be read once
 * `isComplete` is true.
 */
export interface ExecutionFile {
  name: string;
  isComplete: boolean;
  completed: number;
  failed: number;
  bytes: number;
}

/** Why an item of a `Map` failed. */
export interface ItemError {
  code: string;
  message: string;
  step: string | null;
  details: unknown;
}

/** The result of an item in a file of an execution; `error` is undefined if it completed. */
export interface FileLine<R = any> {
  index: number;
  output?: R;
  error?: ItemError;
}

/** The order of files. */
export interface ListFiles extends ListOptions {
  sortBy?: "name" | undefined;
}

/** The order of the log, oldest first by default. */
export interface ListLogs extends ListOptions {
  sortBy?: "sequence" | undefined;
}

/**
 * The common fields of all events. `sequence` is the position in the execution's journal, which
 * several events can share; `id` is unique and the value for `after`.
 */
interface EventBase {
  id: string;
  executionId: string;
  sequence: number;
  timestamp: Date;
}

/** The execution's status changed. */
export interface StatusEvent extends EventBase {
  event: "status";
  status: ExecutionStatus;
  result?: any;
  error?: Failure;
}

/** A step changed; `step` has its input and output. */
export interface StepEvent extends EventBase {
  event: "step";
  step: StepRun;
  settledSteps: number;
  totalSteps: number;
}

/** A line was logged. */
export interface LogEvent extends EventBase {
  event: "log";
  step: string | null;
  level: string;
  message: string;
}

/** An event of an execution. A newer server can send other types. */
export type ExecutionEvent = StatusEvent | StepEvent | LogEvent;

/** Feedback on an output of an execution. */
export interface Actual {
  id: string;
  outputId: string;
  outputName: string;
  /** 0 to 1. */
  quality: number | null;
  /** The expected value. */
  desiredOutputValue: any;
  /** Whether the output equals the expected value; null if unknown. */
  matched: boolean | null;
  metadata: Record<string, unknown>;
  timestamp: Date;
  createdAt: Date;
}

/** The order of actuals, oldest first by default. */
export interface ListActuals extends ListOptions {
  sortBy?: "created_at" | undefined;
}
