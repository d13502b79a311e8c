/** Who did what: `/api/v1/audit_log`. */

import type { CallOptions } from "./http.js";
import type { CursorOptions, Page } from "./managed-models.js";
import { Resource } from "./resource.js";

/** What somebody can do. */
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
  | "access.refused";

export type AuditObjectType =
  "workflow" | "execution" | "schedule" | "webhook" | "api_key" | "workspace";

/** Something that somebody did. */
export interface AuditEntry {
  id: string;
  createdAt: string;
  actor: {
    /** `system` is the server itself, `cli` the command line on the data folder. */
    type: "api_key" | "system" | "cli" | "anonymous";
    /** The key; null where it came without one. */
    id: string | null;
    /** What the key was called then. */
    name: string;
  };
  action: AuditAction;
  /** Null: it was done to nothing that there is. */
  object: { type: AuditObjectType; id: string; name: string | null } | null;
  /** Names as the API has them, never what was in the fields. */
  changedFields: string[];
  details: Record<string, unknown>;
  /** Null where it was no request. */
  ipAddress: string | null;
  /** Null where it was no request. */
  requestId: string | null;
}

/** Which entries a list has, newest first unless it is said here. */
export interface AuditSelection extends CallOptions {
  /** The name of a key, or `system`, `cli`, `anonymous`. */
  actor?: string;
  keyId?: string;
  action?: AuditAction;
  objectType?: AuditObjectType;
  objectId?: string;
  /** Not before; a text may be a day. */
  startDate?: Date | string;
  /** Not after; a text may be a day. */
  endDate?: Date | string;
  /** For whoever runs the installation. */
  workspaceId?: string;
  sortBy?: "created_at";
  sortOrder?: "asc" | "desc";
}

const AUDIT_LOG = "/api/v1/audit_log";

/** The calls on the audit log: `client.auditLog`. Scope `admin`. */
export class AuditLog extends Resource {
  /** A page of entries. */
  list(options: AuditSelection & CursorOptions = {}): Promise<Page<AuditEntry>> {
    return this.page(AUDIT_LOG, options);
  }

  /** All entries, page by page. */
  iter(options: AuditSelection = {}): AsyncGenerator<AuditEntry> {
    return this.each(AUDIT_LOG, options);
  }
}
