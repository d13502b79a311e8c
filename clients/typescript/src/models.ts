/**
 * What the dataflow dialect and the keys say, as types. Times are RFC 3339 texts. A newer server
 * may add fields.
 */

import type { Workspace } from "./workspaces.js";

/** A definition of a workflow: an object, or a text in YAML. */
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

/** The answer to an accepted execution: it is durable, whatever happens next. */
export interface ExecutionAccepted {
  executionId: string;
}

/** The answer to cancel, pause and resume. */
export interface ExecutionChanged {
  executionId: string;
  status: ExecutionStatus;
}

/** Why a task or an execution failed. */
export interface Failure {
  code: string;
  message: string;
  stepId?: string;
  attempt?: number;
  details?: unknown;
}

/** How many tasks are settled. */
export interface Progress {
  completed: number;
  total: number;
}

/** A step of an execution. */
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
  // `any`: what a workflow takes and makes is its author's to know.
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

/** A line of an execution's log; without `stepId` it is about the execution. */
export interface LogLine {
  sequence: number;
  timestamp: string;
  stepId: string | null;
  level: string;
  message: string;
}

/** A step type that definitions can use. */
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
  output?: any;
  error?: Failure;
}

/** A task changed. */
export interface TaskEvent extends EventBase {
  event: "task";
  task: Task;
}

/** A task settled. */
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

/** What happens to an execution. A newer server may send others. */
export type ExecutionEvent = StatusEvent | TaskEvent | ProgressEvent | LogEvent;

/** How much may be used; null: as much as one likes. */
export interface RateLimits {
  executionsPerSecond: number | null;
  requestsPerMinute: number | null;
  concurrentExecutions: number | null;
}

/** An API key. `hint` is how its secret begins, `role` the name of exactly these scopes. */
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

/** A key just made; `secret` is shown this once. */
export interface NewApiKey extends ApiKey {
  secret: string;
}

/** Where in a list a page is. */
export interface Pagination {
  /** Null where it was asked for by a cursor. */
  page: number | null;
  pageSize: number;
  totalItems: number;
  totalPages: number;
  /** Null after the last page; not there where the list has no cursors. */
  nextCursor?: string | null;
}

/** A page of API keys. */
export interface ApiKeyPage {
  items: ApiKey[];
  pagination: Pagination;
}

/** Who the client's key is. */
export interface Me {
  /** Null where the server asks for no key. */
  keyId: string | null;
  /** The `createdBy` of what is made with the key. */
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
