/**
 * Responses of the dataflow API and the API keys. Times are strings in RFC 3339. A newer server can
 * add fields.
 */

import type { Workspace } from "./workspaces.js";

/** A workflow definition: an object, or a string in YAML. */
export type Definition = Record<string, unknown> | string;

export type ExecutionStatus =
  "PENDING" | "RUNNING" | "PAUSED" | "COMPLETED" | "FAILED" | "CANCELLED";

export type TaskStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED";

export interface WorkflowCreated {
  workflowId: string;
}

/** A workflow in a list. */
export interface WorkflowRow {
  workflowId: string;
  name: string;
  status: "active" | "inactive";
  createdAt: string;
  updatedAt: string;
}

/** A page of workflows; `nextCursor` is null after the last. */
export interface WorkflowPage {
  workflows: WorkflowRow[];
  nextCursor: string | null;
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

/** The run of a step in an execution. */
export interface Task {
  taskId: string;
  type: string;
  status: TaskStatus;
  stepId: string;
  attempt: number;
  input?: unknown;
  output?: unknown;
  error?: Failure;
  startedAt: string | null;
  completedAt: string | null;
}

/** An execution in a list. */
export interface ExecutionRow {
  executionId: string;
  status: ExecutionStatus;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
}

/** An execution with all of its tasks, in the order of the definition. */
export interface Execution extends ExecutionRow {
  workflowId: string;
  tasks: Task[];
  // `any`: the types depend on the workflow.
  input: any;
  output: any;
  error: Failure | null;
  progress: Progress;
  release: number;
}

/** A page of executions, newest first; `nextCursor` is null after the last. */
export interface ExecutionPage {
  executions: ExecutionRow[];
  nextCursor: string | null;
}

/** A line of an execution's log; `stepId` is null if it is about the whole execution. */
export interface LogLine {
  sequence: number;
  timestamp: string;
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
  timestamp: string;
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

/** Limits; null: unlimited. */
export interface RateLimits {
  executionsPerSecond: number | null;
  requestsPerMinute: number | null;
  concurrentExecutions: number | null;
}

/** An API key. `hint` is the start of its secret; `role` is the role with the same scopes. */
export interface ApiKey {
  id: string;
  name: string;
  hint: string;
  scopes: string[];
  role: string | null;
  workspaceId: string;
  tier: "standard" | "enterprise" | null;
  rateLimits: RateLimits;
  status: "active" | "expired" | "revoked";
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

/** A created key; `secret` is shown only once. */
export interface NewApiKey extends ApiKey {
  secret: string;
}

/** The position of a page in its list. */
export interface Pagination {
  /** Null if it was requested with a cursor. */
  page: number | null;
  pageSize: number;
  totalItems: number;
  totalPages: number;
  /** Null after the last page; missing if the list has no cursors. */
  nextCursor?: string | null;
}

/** A page of API keys. */
export interface ApiKeyPage {
  items: ApiKey[];
  pagination: Pagination;
}

/** The identity of the caller. */
export interface Me {
  /** Null if the server requires no key. */
  keyId: string | null;
  /** The `createdBy` of objects that the key creates. */
  userId: string;
  keyName: string | null;
  workspaceId: string;
  workspace: Workspace;
  scopes: string[];
  role: string | null;
  tier: "standard" | "enterprise" | null;
  rateLimits: RateLimits;
  expiresAt: string | null;
}
