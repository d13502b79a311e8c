/** Workflows of the management API: responses and options. A newer server can add fields. */

import type { Configuration, Definition } from "../definitions.js";
import type { CursorListOptions, IfVersion } from "../core/resource.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";

/** Response to a deletion. */
export interface Deleted {
  id: string;
  deleted: boolean;
  /** For workflows: how many were cancelled until now. */
  cancelledExecutions?: number;
  /** For workflows: the bulk operation that still cancels executions. */
  operationId?: string;
}

/** An integration that a workflow uses. */
export interface Integration {
  id: string;
  /** Whether the workflow requires it. */
  required: boolean;
  status: "connected" | "pending";
}

/** The fields of a workflow that lists have. */
export interface WorkflowSummary {
  id: string;
  name: string;
  description: string | null;
  type: string;
  status: "active" | "inactive";
  metadata: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
}

/** What was accepted, but is probably a mistake; `field` is null if it is about the whole. */
export interface WarningItem {
  code: string;
  detail: string;
  field: string | null;
}

/** A workflow. `version` counts all changes, `release` those of the definition. */
export interface Workflow extends WorkflowSummary {
  warnings?: WarningItem[] | null;
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
  activatedAt: Date | null;
  deactivatedAt: Date | null;
  createdBy: string;
  release: number;
  version: number;
}

/** Response to activate and deactivate. */
export interface WorkflowStatus {
  id: string;
  status: "active" | "inactive";
  activatedAt?: Date;
  deactivatedAt?: Date;
  updatedAt: Date;
}

/** The definition that a workflow's configuration was compiled to. */
export interface WorkflowDefinition {
  id: string;
  release: number;
  definition: Definition;
  inputSchema: unknown;
}

/** The fields of a workflow; omitted fields are unchanged. */
export interface WorkflowChange {
  name?: string | undefined;
  /** `null` clears it. */
  description?: string | null | undefined;
  /** `custom`, or your own label. */
  type?: string | undefined;
  configuration?: Configuration | undefined;
  /** `null` clears it. */
  integrations?: { id: string; required?: boolean }[] | null | undefined;
  /** `null` clears it. */
  metadata?: Record<string, unknown> | null | undefined;
}

/** A workflow to create; `type` defaults to `custom`. */
export interface NewWorkflow extends WorkflowChange {
  name: string;
}

/** Filters of workflows, newest first by default. */
export interface ListWorkflows extends CursorListOptions {
  sortBy?: "created_at" | "updated_at" | "name" | "type" | "status" | undefined;
  status?: "active" | "inactive" | undefined;
  type?: string | undefined;
  /** Labels that they must have. */
  metadata?: Record<string, string> | undefined;
}

export interface UpdateOptions extends RequestOptions, IfVersion {}
export interface ActivateOptions extends PostOptions, IfVersion {}

export interface DeleteWorkflowOptions extends RequestOptions, IfVersion {
  /** Cancels the running executions instead of letting them run to their end. */
  cancelRunning?: boolean | undefined;
}

/** Totals of actuals. */
export interface QualityTotals {
  count: number;
  /** Of the actuals with a quality. */
  meanQuality: number | null;
  /** The share of outputs that equal the expected value, of those with one. */
  exactMatchRate: number | null;
}

/** Totals of a workflow: overall, by release, and by the tag that the executions used. */
export interface Quality extends QualityTotals {
  releases: (QualityTotals & { release: number })[];
  tags: (QualityTotals & { tag: string })[];
}
