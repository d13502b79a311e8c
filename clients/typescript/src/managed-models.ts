/**
 * Workflows and executions of the management API (`/api/v1`): responses and options. Times are
 * strings in RFC 3339. A newer server can add fields.
 */

import type { CallOptions, PostOptions } from "./http.js";
import type { Pagination } from "./models.js";

/** A page of a list. */
export interface Page<T> {
  items: T[];
  pagination: Pagination;
}

/** The order of a list, by default newest first. */
export interface SortOptions extends CallOptions {
  sortBy?: string;
  sortOrder?: "asc" | "desc";
}

/** The page of a list: `page` counts from 1, `pageSize` is 1 to 100 (default 10). */
export interface PageOptions {
  page?: number;
  pageSize?: number;
}

/** The page by number, or by `cursor`, whose cost does not depend on the position. */
export interface CursorOptions extends PageOptions {
  /** `pagination.nextCursor` of the page before. */
  cursor?: string;
}

/** Options of lists without cursors. */
export interface ListOptions extends SortOptions, PageOptions {}

/** Options of lists with cursors and without filters. */
export interface CursorListOptions extends SortOptions, CursorOptions {}

/** Response to a deletion. */
export interface Deleted {
  id: string;
  deleted: boolean;
  /** For workflows. */
  cancelledExecutions?: number;
}

/** An integration that a workflow uses. */
export interface Integration {
  id: string;
  /** Whether the workflow requires it. */
  required: boolean;
  status: "connected" | "pending";
}

/** A workflow in a list. */
export interface WorkflowRow {
  id: string;
  name: string;
  description: string | null;
  type: string;
  status: "active" | "inactive";
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}

/** A workflow. `version` counts all changes, `release` those of the definition. */
export interface Workflow extends WorkflowRow {
  // `any`: the type depends on the workflow.
  configuration: Record<string, any>;
  integrations: Integration[];
  /** Counts of its executions; the duration is the mean. */
  stats: {
    runsTotal: number;
    runsSuccess: number;
    runsFailed: number;
    runsCancelled: number;
    runsActive: number;
    averageDurationMs: number;
  };
  activatedAt: string | null;
  deactivatedAt: string | null;
  createdBy: string;
  release: number;
  version: number;
}

/** Response to activate and deactivate. */
export interface WorkflowStatus {
  id: string;
  status: "active" | "inactive";
  activatedAt?: string;
  deactivatedAt?: string;
  updatedAt: string;
}

/** The definition that a workflow's configuration was compiled to. */
export interface WorkflowDefinition {
  id: string;
  release: number;
  definition: Record<string, unknown>;
  inputSchema: unknown;
}

/**
 * The fields of a workflow; omitted fields are unchanged. For the type `custom` and your own types,
 * the configuration contains a `definition`, or `steps` and the other fields of one.
 */
export interface WorkflowChange {
  name?: string;
  /** `null` clears it. */
  description?: string | null;
  type?: string;
  configuration?: Record<string, unknown>;
  /** `null` clears it. */
  integrations?: { id: string; required?: boolean }[] | null;
  /** `null` clears it. */
  metadata?: Record<string, unknown> | null;
}

/** A workflow to create; `type` defaults to `custom`. */
export interface NewWorkflow extends WorkflowChange {
  name: string;
}

/** Filters of workflows. */
export interface WorkflowSelection extends SortOptions {
  status?: "active" | "inactive";
  type?: string;
  /** Labels that they must have. */
  metadata?: Record<string, string>;
}

/** The expected version of the object; another one throws `PreconditionFailedError`. */
export interface VersionOptions extends CallOptions {
  ifVersion?: number;
}

export type ExecutionStatus =
  "queued" | "running" | "paused" | "completed" | "failed" | "timed_out" | "cancelled";

/** The cause of a failed step or execution; `step` is null if no single step is the cause. */
export interface Failure {
  code: string;
  message: string;
  step: string | null;
  attempt: number | null;
  details: unknown;
}

/** The run of a step in an execution. */
export interface Step {
  name: string;
  type: string;
  status: "pending" | "running" | "completed" | "failed" | "skipped" | "cancelled";
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  attempt: number;
  error: Failure | null;
  /** Whether its result is that of the execution that this one reruns. */
  reused: boolean;
  /** With `includeIo`. */
  input?: any;
  /** With `includeIo`. */
  output?: any;
}

/** An execution in a list. */
export interface ExecutionRow {
  executionId: string;
  workflowId: string;
  workflowName: string;
  status: ExecutionStatus;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  metadata: Record<string, unknown>;
}

/** An execution with all of its steps, in the order of the definition. */
export interface Execution extends ExecutionRow {
  parameters: any;
  result: any;
  error: Failure | null;
  steps: Step[];
  release: number;
  callbackUrl: string | null;
  /** The execution that it reruns. */
  rerunOf: string | null;
}

/** An execution at its start. */
export interface StartedExecution {
  executionId: string;
  workflowId: string;
  status: ExecutionStatus;
  startedAt: string | null;
  parameters: any;
  callbackUrl?: string | null;
  rerunOf?: string | null;
}

/** An execution that completed during the request. */
export interface CompletedExecution extends StartedExecution {
  completedAt: string | null;
  durationMs: number | null;
  result: any;
}

/** Response to cancel, pause and resume. */
export interface ExecutionChanged {
  executionId: string;
  status: ExecutionStatus;
}

/** Options of an execution. */
export interface ExecuteOptions extends PostOptions {
  /** After this time, in seconds, the execution ends as `timed_out`. */
  timeoutSeconds?: number;
  /** Receives the ended execution as a signed webhook. */
  callbackUrl?: string;
  /** Labels of the execution. */
  metadata?: Record<string, unknown>;
  /** Secrets by name, for this execution only. */
  secrets?: Record<string, string>;
}

/** Options of a rerun, by default from the beginning. */
export interface RerunOptions extends PostOptions {
  /** New parameters; not with `fromFailed` and `fromStep`. */
  parameters?: Record<string, unknown>;
  /** Rerun the steps that failed or were not reached. */
  fromFailed?: boolean;
  /** Rerun from this step. */
  fromStep?: string;
  /** With `fromStep`: a new input of the step. */
  input?: unknown;
  callbackUrl?: string;
}

/** Filters of executions. The dates are those of the creation. */
export interface ExecutionSelection extends CallOptions {
  workflowId?: string;
  status?: ExecutionStatus | ExecutionStatus[];
  startDate?: Date | string;
  endDate?: Date | string;
  /** The id that the caller of a deployment chose. */
  externalId?: string;
  /** Labels that they must have. */
  metadata?: Record<string, string>;
  sortBy?: "created_at";
  sortOrder?: "asc" | "desc";
}

/** A line of an execution's log; `step` is null if it is about the whole execution. */
export interface LogLine {
  sequence: number;
  timestamp: string;
  step: string | null;
  level: string;
  message: string;
}

/**
 * The common fields of all events. `sequence` is the position in the execution's journal, which
 * several events can share; `id` is unique and the value for `after`.
 */
interface EventBase {
  id: string;
  executionId: string;
  sequence: number;
  timestamp: string;
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
  step: Step;
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
export type Event = StatusEvent | StepEvent | LogEvent;
