/** The audit log: `/api/v1/audit_log`. */

import type { CallOptions } from "./http.js";
import type { CursorOptions, Page } from "./managed-models.js";
import { Resource } from "./resource.js";

/** The actions in the audit log. */
export type AuditAction =
  | "workflow.created"
  | "workflow.updated"
  | "workflow.activated"
  | "workflow.deactivated"
  | "workflow.deleted"
  | "workflow.release_tag_moved"
  | "execution.cancelled"
  | "execution.paused"
  | "execution.resumed"
  | "execution.rerun"
  | "schedule.created"
  | "schedule.updated"
  | "schedule.deleted"
  | "schedule.triggered"
  | "webhook.created"
  | "webhook.updated"
  | "webhook.deleted"
  | "webhook.secret_rotated"
  | "webhook.tested"
  | "webhook.redelivered"
  | "webhook.disabled"
  | "api_key.created"
  | "api_key.updated"
  | "api_key.revoked"
  | "workspace.created"
  | "workspace.updated"
  | "workspace.signing_secret_read"
  | "template.created"
  | "template.updated"
  | "template.deleted"
  | "access.refused";

export type AuditObjectType =
  "workflow" | "execution" | "schedule" | "webhook" | "api_key" | "workspace" | "template";

/** An entry of the audit log. */
export interface AuditEntry {
  id: string;
  createdAt: string;
  actor: {
    /** `system` is the server itself, `cli` the command line on the data folder. */
    type: "api_key" | "system" | "cli" | "anonymous";
    /** The id of the key; null without a key. */
    id: string | null;
    /** The name of the key at that time. */
    name: string;
  };
  action: AuditAction;
  /** Null if no object was affected. */
  object: { type: AuditObjectType; id: string; name: string | null } | null;
  /** The names of the API's fields, never their values. */
  changedFields: string[];
  details: Record<string, unknown>;
  /** Null if it was no request. */
  ipAddress: string | null;
  /** Null if it was no request. */
  requestId: string | null;
}

/** Filters of the audit log, newest first by default. */
export interface AuditSelection extends CallOptions {
  /** The name of a key, or `system`, `cli`, `anonymous`. */
  actor?: string;
  keyId?: string;
  action?: AuditAction;
  objectType?: AuditObjectType;
  objectId?: string;
  /** Inclusive; a string can be a date. */
  startDate?: Date | string;
  /** Inclusive; a string can be a date. */
  endDate?: Date | string;
  /** For admins of the default workspace. */
  workspaceId?: string;
  sortBy?: "created_at";
  sortOrder?: "asc" | "desc";
}

const AUDIT_LOG = "/api/v1/audit_log";

/** Calls for the audit log: `client.auditLog`. They require scope `admin`. */
export class AuditLog extends Resource {
  /** Returns a page of entries. */
  list(options: AuditSelection & CursorOptions = {}): Promise<Page<AuditEntry>> {
    return this.getPage(AUDIT_LOG, options);
  }

  /** Iterates over all entries, page by page. */
  iter(options: AuditSelection = {}): AsyncGenerator<AuditEntry> {
    return this.iterate(AUDIT_LOG, options);
  }
}
