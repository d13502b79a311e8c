/** The types of the management API. */

export type * from "./managed-models.js";
export type * from "./schedule-models.js";
export type * from "./webhook-models.js";
export type { AuditAction, AuditEntry, AuditObjectType, AuditSelection } from "./audit-log.js";
export type { StepType, StepTypeSelection } from "./step-types.js";
export type { Workspace, WorkspaceChange } from "./workspaces.js";
export type { DeliverySelection } from "./webhooks.js";
export type {
  CreateTemplate,
  Template,
  TemplateChange,
  TemplatePreview,
  TemplateRow,
  TemplateSelection,
} from "./templates.js";
