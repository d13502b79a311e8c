/**
 * What the management API (`/api/v1`) says about workflows and executions, as types, and what it
 * takes. Times are RFC 3339 texts. A newer server may add fields.
 */

import type { CallOptions, PostOptions } from "./http.js";
import type { Pagination } from "./models.js";

/** A page of a list. */
export interface Page<T> {
  items: T[];
  pagination: Pagination;
}

/** How a list is sorted: newest first where it is left out. */
export interface SortOptions extends CallOptions {
  sortBy?: string;
  sortOrder?: "asc" | "desc";
}

/** Which page of a list: `page` counts from 1, `pageSize` is 1 to 100 (default 10). */
export interface PageOptions {
  page?: number;
  pageSize?: number;
}

/** Or the page after another one, which costs the same however far it is. */
export interface CursorOptions extends PageOptions {
  /** `pagination.nextCursor` of that page. */
  cursor?: string;
}

/** What short lists take. */
export interface ListOptions extends SortOptions, PageOptions {}

/** What lists take that have cursors and nothing else. */
export interface CursorListOptions extends SortOptions, CursorOptions {}

/** What was deleted. */
export interface Deleted {
  id: string;
  deleted: boolean;
  /** Of workflows. */
  cancelledExecutions?: number;
}

/** An integration that a workflow uses. */
export interface Integration {
  id: string;
  /** Whether the workflow cannot do without. */
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

/** A workflow. `version` counts its changes, `release` those of its definition. */
export interface Workflow extends WorkflowRow {
  // `any`: what it has is its author's to know.
  configuration: Record<string, any>;
  integrations: Integration[];
  /** Of its executions that have ended. */
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

/** A workflow just activated or deactivated. */
export interface WorkflowStatus {
  id: string;
  status: "active" | "inactive";
  activatedAt?: string;
  deactivatedAt?: string;
  updatedAt: string;
}

/** What a workflow's configuration was made into. */
export interface WorkflowDefinition {
  id: string;
  release: number;
  definition: Record<string, unknown>;
  inputSchema: unknown;
}

/**
 * What can be said of a workflow; in a change, what is left out stays as it is. Of type `custom`,
 * and of types of your own, the configuration holds a `definition`, or `steps` and whatever else a
 * definition has.
 */
export interface WorkflowChange {
  name?: string;
  /** `null` takes it away. */
  description?: string | null;
  type?: string;
  configuration?: Record<string, unknown>;
  /** `null` is none. */
  integrations?: { id: string; required?: boolean }[] | null;
  /** `null` is none. */
  metadata?: Record<string, unknown> | null;
}

/** A workflow to create, of type `custom` where that is left out. */
export interface NewWorkflow extends WorkflowChange {
  name: string;
}

/** Which workflows a list has. */
export interface WorkflowSelection extends SortOptions {
  status?: "active" | "inactive";
  type?: string;
  /** Labels that they have. */
  metadata?: Record<string, string>;
}

/** Which version of an object a change is for: `PreconditionFailedError` where it is another. */
export interface VersionOptions extends CallOptions {
  ifVersion?: number;
}

export type ExecutionStatus =
  "queued" | "running" | "paused" | "completed" | "failed" | "timed_out" | "cancelled";

/** Why a step or an execution failed; `step` is null where it was the execution as a whole. */
export interface Failure {
  code: string;
  message: string;
  step: string | null;
  attempt: number | null;
  details: unknown;
}

/** A step of an execution. */
export interface Step {
  name: string;
  type: string;
  status: "pending" | "running" | "completed" | "failed" | "skipped" | "cancelled";
  startedAt: string | null;
  completedAt: string | null;
  durationMs: number | null;
  attempt: number;
  error: Failure | null;
  /** Whether its result was taken over from the execution that this one runs again. */
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
  /** The execution that it runs again. */
  rerunOf: string | null;
}

/** An execution just started; where it was waited for, `completed`, with its result. */
export interface StartedExecution {
  executionId: string;
  workflowId: string;
  status: ExecutionStatus;
  startedAt: string | null;
  parameters: any;
  callbackUrl?: string | null;
  rerunOf?: string | null;
}

/** An execution that completed while the server was asked. */
export interface CompletedExecution extends StartedExecution {
  completedAt: string | null;
  durationMs: number | null;
  result: any;
}

/** The answer to cancel, pause and resume. */
export interface ExecutionChanged {
  executionId: string;
  status: ExecutionStatus;
}

/** What executing takes besides the parameters. */
export interface ExecuteOptions extends PostOptions {
  /** Past that many seconds the execution is stopped as `timed_out`. */
  timeoutSeconds?: number;
  /** Sent the execution once it has ended, as a signed webhook. */
  callbackUrl?: string;
  /** Labels of the execution. */
  metadata?: Record<string, unknown>;
  /** For steps that ask for them, by name, for this execution only. */
  secrets?: Record<string, string>;
}

/** How an execution is run again: as a whole where nothing is said. */
export interface RerunOptions extends PostOptions {
  /** Other parameters than the first ones; not with the next two. */
  parameters?: Record<string, unknown>;
  /** What failed, or was not reached. */
  fromFailed?: boolean;
  /** From this step on. */
  fromStep?: string;
  /** With `fromStep`: the step's input. */
  input?: unknown;
  callbackUrl?: string;
}

/** Which executions a list has. The dates mean when they were accepted. */
export interface ExecutionSelection extends CallOptions {
  workflowId?: string;
  status?: ExecutionStatus | ExecutionStatus[];
  startDate?: Date | string;
  endDate?: Date | string;
  /** What a caller of a deployment named it. */
  externalId?: string;
  /** Labels that they have. */
  metadata?: Record<string, string>;
  sortBy?: "created_at";
  sortOrder?: "asc" | "desc";
}

/** A line of an execution's log; without `step` it is about the execution. */
export interface LogLine {
  sequence: number;
  timestamp: string;
  step: string | null;
  level: string;
  message: string;
}

/**
 * What every event carries; `sequence` is its place in the execution's journal, which it can share
 * with others, `id` is its own and what `after` takes.
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

/** A step changed; it has its input and output. */
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

/** What happens to an execution. A newer server may send others. */
export type Event = StatusEvent | StepEvent | LogEvent;
