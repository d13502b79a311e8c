//! The vocabulary of the audit log: actions of users and the objects that they change.

use std::fmt;
use std::str::FromStr;

use crate::ids::{
    ApprovalId, ExecutionId, KeyId, OperationId, ScheduleId, SubjectId, TemplateId, VariableId,
    WebhookId, WorkflowId, WorkspaceId,
};

/// An action of a user or of the server, or an access that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditAction {
    /// Made a workflow.
    WorkflowCreated,
    /// Changed a workflow or its definition.
    WorkflowUpdated,
    /// Made a workflow executable.
    WorkflowActivated,
    /// Made it no longer so.
    WorkflowDeactivated,
    /// Deleted a workflow.
    WorkflowDeleted,
    /// Made or moved a release tag of a workflow.
    ReleaseTagMoved,
    /// Deleted a release tag of a workflow.
    ReleaseTagDeleted,
    /// Made an API key.
    KeyCreated,
    /// Changed the name or the limits of an API key.
    KeyUpdated,
    /// Revoked an API key.
    KeyRevoked,
    /// Made a schedule.
    ScheduleCreated,
    /// Changed a schedule.
    ScheduleUpdated,
    /// Deleted a schedule.
    ScheduleDeleted,
    /// Had a schedule start an execution.
    ScheduleTriggered,
    /// Made a webhook.
    WebhookCreated,
    /// Changed a webhook.
    WebhookUpdated,
    /// Deleted a webhook.
    WebhookDeleted,
    /// Switched off a webhook whose receiver does not respond.
    WebhookDisabled,
    /// Gave a webhook another secret.
    WebhookSecretRotated,
    /// Sent a webhook a test event.
    WebhookTested,
    /// Sent a delivery of a webhook again.
    WebhookRedelivered,
    /// Cancelled an execution.
    ExecutionCancelled,
    /// Paused an execution.
    ExecutionPaused,
    /// Resumed a paused execution.
    ExecutionResumed,
    /// Sent a signal to an execution.
    ExecutionSignaled,
    /// Sent a signal that is kept until an execution waits for it.
    SignalKept,
    /// Ran an execution again.
    ExecutionRerun,
    /// Made a workspace.
    WorkspaceCreated,
    /// Changed a workspace or its limits.
    WorkspaceUpdated,
    /// Created a template.
    TemplateCreated,
    /// Changed a template.
    TemplateUpdated,
    /// Deleted a template.
    TemplateDeleted,
    /// Created a variable.
    VariableCreated,
    /// Changed a variable.
    VariableUpdated,
    /// Deleted a variable.
    VariableDeleted,
    /// Started a bulk operation.
    OperationCreated,
    /// Cancelled a bulk operation.
    OperationCancelled,
    /// Approved an approval.
    ApprovalApproved,
    /// Rejected an approval.
    ApprovalRejected,
    /// Let another approver decide.
    ApprovalDelegated,
    /// Created a link with which an approver can decide without a key.
    ApprovalLinkCreated,
    /// Read the secret that signs the webhooks of a workspace's executions.
    SigningSecretRead,
    /// Refused an access without permission, or with a key that is not accepted any more.
    AccessRefused,
}

impl AuditAction {
    /// All of them.
    pub const ALL: [Self; 43] = [
        Self::WorkflowCreated,
        Self::WorkflowUpdated,
        Self::WorkflowActivated,
        Self::WorkflowDeactivated,
        Self::WorkflowDeleted,
        Self::ReleaseTagMoved,
        Self::ReleaseTagDeleted,
        Self::KeyCreated,
        Self::KeyUpdated,
        Self::KeyRevoked,
        Self::ScheduleCreated,
        Self::ScheduleUpdated,
        Self::ScheduleDeleted,
        Self::ScheduleTriggered,
        Self::WebhookCreated,
        Self::WebhookUpdated,
        Self::WebhookDeleted,
        Self::WebhookDisabled,
        Self::WebhookSecretRotated,
        Self::WebhookTested,
        Self::WebhookRedelivered,
        Self::ExecutionCancelled,
        Self::ExecutionPaused,
        Self::ExecutionResumed,
        Self::ExecutionSignaled,
        Self::SignalKept,
        Self::ExecutionRerun,
        Self::WorkspaceCreated,
        Self::WorkspaceUpdated,
        Self::TemplateCreated,
        Self::TemplateUpdated,
        Self::TemplateDeleted,
        Self::VariableCreated,
        Self::VariableUpdated,
        Self::VariableDeleted,
        Self::OperationCreated,
        Self::OperationCancelled,
        Self::ApprovalApproved,
        Self::ApprovalRejected,
        Self::ApprovalDelegated,
        Self::ApprovalLinkCreated,
        Self::SigningSecretRead,
        Self::AccessRefused,
    ];

    /// Its name: `workflow.created`. Names are stored: they never change.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkflowCreated => "workflow.created",
            Self::WorkflowUpdated => "workflow.updated",
            Self::WorkflowActivated => "workflow.activated",
            Self::WorkflowDeactivated => "workflow.deactivated",
            Self::WorkflowDeleted => "workflow.deleted",
            Self::ReleaseTagMoved => "workflow.release_tag_moved",
            Self::ReleaseTagDeleted => "workflow.release_tag_deleted",
            Self::KeyCreated => "api_key.created",
            Self::KeyUpdated => "api_key.updated",
            Self::KeyRevoked => "api_key.revoked",
            Self::ScheduleCreated => "schedule.created",
            Self::ScheduleUpdated => "schedule.updated",
            Self::ScheduleDeleted => "schedule.deleted",
            Self::ScheduleTriggered => "schedule.triggered",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookUpdated => "webhook.updated",
            Self::WebhookDeleted => "webhook.deleted",
            Self::WebhookDisabled => "webhook.disabled",
            Self::WebhookSecretRotated => "webhook.secret_rotated",
            Self::WebhookTested => "webhook.tested",
            Self::WebhookRedelivered => "webhook.redelivered",
            Self::ExecutionCancelled => "execution.cancelled",
            Self::ExecutionPaused => "execution.paused",
            Self::ExecutionResumed => "execution.resumed",
            Self::ExecutionSignaled => "execution.signaled",
            Self::SignalKept => "workspace.signal_kept",
            Self::ExecutionRerun => "execution.rerun",
            Self::WorkspaceCreated => "workspace.created",
            Self::WorkspaceUpdated => "workspace.updated",
            Self::TemplateCreated => "template.created",
            Self::TemplateUpdated => "template.updated",
            Self::TemplateDeleted => "template.deleted",
            Self::VariableCreated => "variable.created",
            Self::VariableUpdated => "variable.updated",
            Self::VariableDeleted => "variable.deleted",
            Self::OperationCreated => "operation.created",
            Self::OperationCancelled => "operation.cancelled",
            Self::ApprovalApproved => "approval.approved",
            Self::ApprovalRejected => "approval.rejected",
            Self::ApprovalDelegated => "approval.delegated",
            Self::ApprovalLinkCreated => "approval.link_created",
            Self::SigningSecretRead => "workspace.signing_secret_read",
            Self::AccessRefused => "access.refused",
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no action, or kind of object, of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name is not known")]
pub struct UnknownName;

impl FromStr for AuditAction {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(UnknownName)
    }
}

/// The kinds of things that something is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A workflow, its releases and tags.
    Workflow,
    /// An execution.
    Execution,
    /// A schedule.
    Schedule,
    /// A webhook and its deliveries.
    Webhook,
    /// An API key.
    Key,
    /// A workspace.
    Workspace,
    /// A template.
    Template,
    /// A variable of a workspace.
    Variable,
    /// A bulk operation.
    Operation,
    /// An approval.
    Approval,
}

impl ObjectKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Workflow,
        Self::Execution,
        Self::Schedule,
        Self::Webhook,
        Self::Key,
        Self::Workspace,
        Self::Template,
        Self::Variable,
        Self::Operation,
        Self::Approval,
    ];

    /// Its name: `workflow`. Names are stored: they never change.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Execution => "execution",
            Self::Schedule => "schedule",
            Self::Webhook => "webhook",
            Self::Key => "api_key",
            Self::Workspace => "workspace",
            Self::Template => "template",
            Self::Variable => "variable",
            Self::Operation => "operation",
            Self::Approval => "approval",
        }
    }
}

impl FromStr for ObjectKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownName)
    }
}

/// The object of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditedObject {
    /// The kind of object.
    pub kind: ObjectKind,
    /// Its id.
    pub id: SubjectId,
}

macro_rules! objects {
    ($($id:ident: $kind:ident),*) => {$(
        impl From<$id> for AuditedObject {
            fn from(id: $id) -> Self {
                Self { kind: ObjectKind::$kind, id: id.into() }
            }
        }
    )*

        impl AuditedObject {
            /// The object of that kind whose id `text` is, in any form; `None`: it is no id.
            pub fn parse(kind: ObjectKind, text: &str) -> Option<Self> {
                match kind {
                    $(ObjectKind::$kind => text.parse::<$id>().ok().map(Self::from),)*
                }
            }

            /// Its id as the abi dialect writes it.
            pub fn abi_id(&self) -> String {
                match self.kind {
                    $(ObjectKind::$kind => $id::from_uuid(self.id.uuid()).abi(),)*
                }
            }
        }
    };
}

objects!(
    WorkflowId: Workflow,
    ExecutionId: Execution,
    ScheduleId: Schedule,
    WebhookId: Webhook,
    KeyId: Key,
    WorkspaceId: Workspace,
    TemplateId: Template,
    VariableId: Variable,
    OperationId: Operation,
    ApprovalId: Approval
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_different() {
        for (place, action) in AuditAction::ALL.into_iter().enumerate() {
            assert_eq!(action.name().parse(), Ok(action));
            assert!(AuditAction::ALL[..place].iter().all(|other| other.name() != action.name()));
        }
        for kind in ObjectKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("workflow.made".parse::<AuditAction>(), Err(UnknownName));
        assert_eq!("".parse::<ObjectKind>(), Err(UnknownName));
    }

    #[test]
    fn ids_read_back_in_every_kind() {
        for kind in ObjectKind::ALL {
            let id = SubjectId::from_uuid(uuid::Uuid::from_u128(7));
            let object = AuditedObject { kind, id };
            assert_eq!(AuditedObject::parse(kind, &object.abi_id()), Some(object), "{kind:?}");
            assert_eq!(AuditedObject::parse(kind, "sub_1"), None);
        }
    }

    #[test]
    fn actions_are_named_after_what_they_are_done_to() {
        for action in AuditAction::ALL {
            let (kind, _) = action.name().split_once('.').unwrap();
            assert!(kind == "access" || kind.parse::<ObjectKind>().is_ok(), "{action}");
        }
    }
}
