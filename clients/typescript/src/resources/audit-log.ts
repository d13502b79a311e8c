/** The audit log: `/api/v1/audit_log`. */

import { fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { CURSOR_LIST_NAMES, Resource, type CursorListOptions } from "../core/resource.js";

/** The actions in the audit log. */
export type AuditAction =
  | "workflow.created"
  | "workflow.updated"
  | "workflow.activated"
  | "workflow.deactivated"
  | "workflow.deleted"
  | "workflow.release_tag_moved"
  | "workflow.release_tag_deleted"
  | "execution.cancelled"
  | "execution.paused"
  | "execution.resumed"
  | "execution.rerun"
  | "execution.signaled"
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
  | "workspace.signal_kept"
  | "template.created"
  | "template.updated"
  | "template.deleted"
  | "operation.created"
  | "operation.cancelled"
  | "approval.approved"
  | "approval.rejected"
  | "approval.delegated"
  | "approval.link_created"
  | "access.refused";

export type AuditObjectType =
  | "workflow"
  | "execution"
  | "schedule"
  | "webhook"
  | "api_key"
  | "workspace"
  | "template"
  | "operation"
  | "approval";

/** An entry of the audit log. */
export interface AuditEntry {
  id: string;
  createdAt: Date;
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
export interface ListAuditEntries extends CursorListOptions {
  sortBy?: "created_at" | undefined;
  /** The name of a key, or `system`, `cli`, `anonymous`. */
  actor?: string | undefined;
  keyId?: string | undefined;
  action?: AuditAction | undefined;
  objectType?: AuditObjectType | undefined;
  objectId?: string | undefined;
  /** Inclusive; a string can be a date. */
  startDate?: Date | string | undefined;
  /** Inclusive; a string can be a date. */
  endDate?: Date | string | undefined;
  /** For admins of the default workspace. */
  workspaceId?: string | undefined;
}

const LIST: NamesOf<ListAuditEntries> = {
  ...CURSOR_LIST_NAMES,
  actor: true,
  keyId: true,
  action: true,
  objectType: true,
  objectId: true,
  startDate: true,
  endDate: true,
  workspaceId: true,
};
const AUDIT_LOG = fixed("/api/v1/audit_log");

/** The audit log: `client.auditLog`. Requires scope `admin`. */
export class AuditLog extends Resource {
  /** Lists the entries. */
  list(options: ListAuditEntries = {}): PagePromise<Page<AuditEntry>> {
    return this.listItems({
      name: "auditLog.list",
      path: path`${AUDIT_LOG}`,
      options,
      optionNames: LIST,
    });
  }
}
