/** Bulk operations, one action on many executions in the background: `/api/v1/operations`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, checkOptions, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { workflowId } from "../core/references.js";
import { CURSOR_LIST_NAMES, Resource, type CursorListOptions } from "../core/resource.js";
import { sleep } from "../core/retry.js";
import { checkTimeout } from "../core/settings.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";
import type { WaitOptions } from "../core/wait.js";
import { WaitTimeoutError } from "../errors.js";
import type { ExecutionFilter } from "./execution-models.js";

/** `purge` deletes ended executions. */
export type BulkAction = "cancel" | "pause" | "resume" | "purge";

/** `failed`: it has ended, and some executions could not be changed. */
export type OperationStatus = "pending" | "running" | "completed" | "failed" | "cancelled";

/** A bulk operation to start, with at least one condition; executions must fulfil all of them. */
export interface NewOperation {
  action: BulkAction;
  /** The id or the name of a workflow. */
  workflow?: string | undefined;
  status?: ExecutionFilter | ExecutionFilter[] | undefined;
  /** The date of their creation, inclusive; a string can be a date. */
  startDate?: Date | string | undefined;
  /** The date of their creation, inclusive; a string can be a date. */
  endDate?: Date | string | undefined;
  /** Only those created at least so long ago: `90m`, `30d`. */
  olderThan?: string | undefined;
  /** Labels that they must have. */
  metadata?: Record<string, string | number | boolean | null> | undefined;
  /** With `cancel`: for the logs of the executions. */
  reason?: string | undefined;
}

/** The conditions of an operation. Executions that are created after `endDate` are not meant. */
export interface BulkConditions {
  workflowId: string | null;
  status: string[] | null;
  startDate: Date | null;
  endDate: Date | null;
  metadata: Record<string, unknown>;
}

/** How far an operation is; at its end, `matched` is the sum of the others. */
export interface BulkProgress {
  matched: number;
  done: number;
  failed: number;
  /** Executions that needed nothing any more, such as those that ended meanwhile. */
  skipped: number;
}

/** An execution that could not be changed. */
export interface BulkFailure {
  executionId: string;
  message: string;
}

/** What an operation would be about. */
export interface BulkDryRun {
  action: BulkAction;
  filter: BulkConditions;
  /** `matched` is the number of executions. */
  progress: BulkProgress;
}

/** An action on many executions. */
export interface BulkOperation {
  id: string;
  action: BulkAction;
  status: OperationStatus;
  filter: BulkConditions;
  reason: string | null;
  progress: BulkProgress;
  /** The first executions that could not be changed, at most ten. */
  failures: BulkFailure[];
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
}

/** Filters of operations, newest first by default. */
export interface ListOperations extends CursorListOptions {
  sortBy?: "created_at" | "updated_at" | undefined;
  /** The id or the name of a workflow: those that are about its executions only. */
  workflow?: string | undefined;
  status?: OperationStatus | undefined;
  action?: BulkAction | undefined;
}

const OPERATIONS = fixed("/api/v1/operations");
const NEW: NamesOf<NewOperation> = {
  action: true,
  workflow: true,
  status: true,
  startDate: true,
  endDate: true,
  olderThan: true,
  metadata: true,
  reason: true,
};
const LIST: NamesOf<ListOperations> = {
  ...CURSOR_LIST_NAMES,
  workflow: true,
  status: true,
  action: true,
};
const WAIT: NamesOf<WaitOptions> = { timeout: true, signal: true };

/** How often the progress is requested, in milliseconds. */
const POLL_INTERVAL = 1_000;

/** Bulk operations: `client.operations`. */
export class Operations extends Resource {
  /** Starts an operation, which the server continues in the background: see `wait`. */
  create(operation: NewOperation, options: PostOptions = {}): APIPromise<BulkOperation> {
    return this.post("operations.create", operation, options);
  }

  /** Returns the number of executions that `create` would be about. Nothing is changed. */
  preview(operation: NewOperation, options: PostOptions = {}): APIPromise<BulkDryRun> {
    return this.post("operations.preview", operation, options, { dry_run: true });
  }

  private post<T>(
    name: string,
    operation: NewOperation,
    options: PostOptions,
    query: Record<string, boolean> = {},
  ): APIPromise<T> {
    const { action, workflow, status, reason, ...rest } = operation;
    const filter = {
      ...rest,
      workflowId: workflow === undefined ? undefined : workflowId(workflow),
      status: typeof status === "string" ? [status] : status,
    };
    return this.send({
      name,
      method: "POST",
      path: path`${OPERATIONS}`,
      query,
      body: { action, filter, reason },
      checks: [checked(operation, NEW)],
      options,
    });
  }

  /** Returns an operation with its progress. */
  get(operationId: string, options: RequestOptions = {}): APIPromise<BulkOperation> {
    return this.send({
      name: "operations.get",
      method: "GET",
      path: path`${OPERATIONS}/${operationId}`,
      options,
    });
  }

  /** Lists operations. They are kept for 30 days after their end. */
  list(options: ListOperations = {}): PagePromise<Page<BulkOperation>> {
    const workflow = options.workflow === undefined ? undefined : workflowId(options.workflow);
    return this.listItems({
      name: "operations.list",
      path: path`${OPERATIONS}`,
      options,
      optionNames: LIST,
      query: { workflow: undefined, workflow_id: workflow },
    });
  }

  /** Cancels an operation; what was done remains. */
  cancel(operationId: string, options: PostOptions = {}): APIPromise<BulkOperation> {
    return this.send({
      name: "operations.cancel",
      method: "POST",
      path: path`${OPERATIONS}/${operationId}/cancel`,
      options,
    });
  }

  /**
   * Waits for the end of an operation and returns it, whatever its status. Its progress is requested
   * every second. After `timeout` milliseconds this throws `WaitTimeoutError`, and the operation
   * continues.
   */
  async wait(operationId: string, options: WaitOptions = {}): Promise<BulkOperation> {
    checkOptions("operations.wait", { given: options, known: WAIT });
    const { timeout = Infinity, signal } = options;
    checkTimeout(timeout);
    const start = Date.now();
    for (;;) {
      const operation = await this.get(operationId, { signal });
      if (operation.status !== "pending" && operation.status !== "running") return operation;
      const left = timeout - (Date.now() - start);
      if (left <= 0) throw new WaitTimeoutError(operationId, timeout);
      await sleep(Math.min(POLL_INTERVAL, left), signal);
    }
  }
}
