/** The dataflow API: responses and options. A newer server can add fields. */

import type { Secret } from "../core/secret.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";

export type ExecutionStatus =
  "PENDING" | "RUNNING" | "PAUSED" | "COMPLETED" | "FAILED" | "CANCELLED";

/** A status by which lists are filtered; waiting executions are running ones. */
export type ExecutionFilter = ExecutionStatus | "WAITING";

export type TaskStatus =
  "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED" | "NOT_REACHED";

export interface WorkflowCreated {
  workflowId: string;
  warnings?: WarningItem[] | null;
}

/** What was accepted, but is probably a mistake. */
export interface WarningItem {
  code: string;
  path: string;
  message: string;
}

/** A workflow in a list. */
export interface WorkflowRow {
  workflowId: string;
  name: string;
  status: "active" | "inactive";
  createdAt: Date;
  updatedAt: Date;
}

/** A step of a workflow, resolved. */
export interface WorkflowStep {
  stepId: string;
  type: string;
  after: string[];
  effect: string;
  inputSchema: unknown;
  outputSchema: unknown;
}

/** A workflow with its current release. */
export interface Workflow extends WorkflowRow {
  release: number;
  metadata: Record<string, unknown>;
  definition: unknown;
  inputSchema: unknown;
  steps: WorkflowStep[];
  warnings?: WarningItem[] | null;
}

/** Counts of a workflow's executions. */
export interface Stats {
  workflowId: string;
  total: number;
  active: number;
  completed: number;
  failed: number;
  timedOut: number;
  cancelled: number;
  successRate: number | null;
  averageDurationMs: number | null;
}

/** Response to a request to execute: the execution is durable. */
export interface ExecutionAccepted {
  executionId: string;
  warnings?: WarningItem[] | null;
}

/** Response to cancel, pause and resume. */
export interface ExecutionChanged {
  executionId: string;
  status: ExecutionStatus;
}

/** The cause of a failed task or execution. */
export interface Failure {
  code: string;
  message: string;
  stepId?: string;
  attempt?: number;
  details?: unknown;
}

/** How many tasks have finished. */
export interface Progress {
  completed: number;
  total: number;
}

/** An attempt of a task. */
export interface TaskAttempt {
  attempt: number;
  status: TaskStatus;
  startedAt: Date;
  completedAt: Date | null;
  error: { code: string; message: string } | null;
  /** When the next attempt is due, or was; null: there is no next one. */
  nextAttemptAt: Date | null;
}

/** What a task waits for. */
export interface TaskWait {
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

/** What an execution waits for; `stepId` is null while it is queued, `until` if it is not known. */
export interface ExecutionWait {
  for: "timer" | "retry" | "sub_workflow" | "signal" | "approval" | "concurrency" | "capacity";
  stepId: string | null;
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
export interface Task {
  taskId: string;
  type: string;
  status: TaskStatus;
  stepId: string;
  attempt: number;
  /** In order; in events only the last one. */
  attempts: TaskAttempt[];
  waiting?: TaskWait;
  /** Why it was skipped: its `when` was false, or no edge led to it. */
  skipReason?: "condition" | "not_taken";
  /** Whether its result is that of the execution that this one reruns. */
  reused?: boolean;
  /** The step that it compensates, if it is a compensation. */
  compensates?: string;
  input?: unknown;
  output?: unknown;
  /** Its configuration with all expressions evaluated; in `getExecution`. */
  config?: unknown;
  /** Whether `config` was shortened. */
  configTruncated?: boolean;
  /** The execution that a `SubWorkflow` started. */
  childExecutionId?: string;
  error?: Failure;
  /** The tasks inside it, if it is a block. */
  children?: Task[];
  startedAt: Date | null;
  completedAt: Date | null;
}

/** An execution in a list. */
export interface ExecutionRow {
  executionId: string;
  status: ExecutionStatus;
  createdAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  /** The execution that started it, if it is a sub-workflow. */
  parentExecutionId?: string;
}

/** An execution with all of its tasks, in the order of the definition. */
export interface Execution extends ExecutionRow {
  warnings?: WarningItem[] | null;
  workflowId: string;
  tasks: Task[];
  // `any`: the types depend on the workflow.
  input: any;
  output: any;
  error: Failure | null;
  /** What it waits for, if nothing of it runs. */
  waiting?: ExecutionWait;
  progress: Progress;
  release: number;
  /** The release tag that selected the release. */
  releaseTag?: string;
  /** The execution that it reruns. */
  rerunOf?: string;
  /** The step that started it, if it is a sub-workflow. */
  parentStepId?: string;
}

/** A line of an execution's log; `stepId` is null if it is about the whole execution. */
export interface LogLine {
  sequence: number;
  timestamp: Date;
  stepId: string | null;
  level: string;
  message: string;
}

/** A step type. */
export interface StepType {
  type: string;
  aliases: string[];
  description: string;
  documentation: string;
  category: string;
  effect: string;
  configurationSchema: unknown;
  inputSchema: unknown;
  outputSchema: unknown;
  /** Of a block: the fields that only it has. */
  blockSchema?: unknown;
  defaultInput: string | null;
  defaultOutput: string | null;
  ports: string[];
  secretFields: string[];
  examples: unknown[];
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
  output?: any;
  error?: Failure;
}

/** A task changed. */
export interface TaskEvent extends EventBase {
  event: "task";
  task: Task;
}

/** A task has finished; the counts are those of all tasks. */
export interface ProgressEvent extends EventBase, Progress {
  event: "progress";
}

/** A line was logged. */
export interface LogEvent extends EventBase {
  event: "log";
  stepId: string | null;
  level: string;
  message: string;
}

/** An event of an execution. A newer server can send other types. */
export type ExecutionEvent = StatusEvent | TaskEvent | ProgressEvent | LogEvent;

/** The position of a page in a list. */
export interface CursorOptions extends RequestOptions {
  /** The number of items per page: 1 to 100, the default. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Filters of workflows. */
export interface ListWorkflows extends CursorOptions {
  status?: "active" | "inactive" | undefined;
}

/** Filters of executions. */
export interface ListExecutions extends CursorOptions {
  status?: ExecutionFilter | ExecutionFilter[] | undefined;
  /** Only sub-workflows of this execution. */
  parentExecutionId?: string | undefined;
}

/** Options of `execute` and `run`. */
export interface ExecuteOptions extends PostOptions {
  /** Receives each change of the status. */
  webhookUrl?: string | undefined;
  /** Selects the release to run. */
  releaseTag?: string | undefined;
  /** Of several releases of the tag, the same key always selects the same one. */
  trafficKey?: string | undefined;
  /** Secrets by name, for this execution only. */
  secrets?: Record<string, string | Secret> | undefined;
}

export interface CancelOptions extends PostOptions {
  /** For the log of the execution. */
  reason?: string | undefined;
}
