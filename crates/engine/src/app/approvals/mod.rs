//! Approvals: listing them and deciding about them.

mod links;
mod requests;

use std::sync::Arc;

use stepwell_core::audit::AuditAction;
use stepwell_core::definition::check_form;
use stepwell_core::execution::{DecisionAction, DecisionInput, Verdict};
use stepwell_core::ids::ApprovalId;
use stepwell_store::lists::{List, Page};
use stepwell_store::objects::ObjectFilter;

pub use links::{ApprovalLink, NewApprovalLink};
pub use requests::{ApprovalFilter, Delegation, NewVote};

use super::App;
use super::cursor::{decode_list, encode_page};
use crate::approval::{Approval, ApprovalStatus};
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::registry::Control;
use crate::{AppError, Caller};

/// The kind of object that scopes name.
const SCOPE: &str = "approvals";

impl App {
    /// A page of the approvals of the workspace. Scope `read:approvals`.
    ///
    /// # Errors
    /// `InvalidRequest` for an invalid limit or cursor.
    pub async fn approvals(
        &self,
        caller: &Caller,
        list: List<ApprovalFilter, String>,
    ) -> Result<Page<Object<Approval>>, AppError> {
        caller.require(Verb::Read, SCOPE)?;
        let List { filter, sort, window } = list;
        let list = decode_list(List { filter: ObjectFilter::from(filter), sort, window })?;
        let store = &self.engine.store;
        let found = store.list_objects(Approval::KIND, caller.workspace, list).await?;
        Ok(encode_page(found.try_map_items(Object::from_stored)?, sort.key))
    }

    /// An approval. Scope `read:approvals`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn approval(
        &self,
        caller: &Caller,
        id: ApprovalId,
    ) -> Result<Object<Approval>, AppError> {
        caller.require(Verb::Read, SCOPE)?;
        self.find_approval(caller, id).await
    }

    /// Records the vote of an approver; durable when this returns, with what follows from it. Scope
    /// `write:approvals`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended or the approver has voted; `NotPermitted` if the
    /// approver may not decide; `InvalidRequest` if the data do not fit the form.
    pub async fn vote(
        &self,
        caller: &Caller,
        id: ApprovalId,
        vote: NewVote,
    ) -> Result<Object<Approval>, AppError> {
        caller.require(Verb::Write, SCOPE)?;
        vote.check(self.engine.config().max_value_bytes)?;
        let approval = self.find_approval(caller, id).await?;
        self.record_vote(caller, &approval, vote).await
    }

    /// Lets another approver decide instead; durable when this returns. Scope `write:approvals`.
    ///
    /// # Errors
    /// As [`App::vote`].
    pub async fn delegate_approval(
        &self,
        caller: &Caller,
        id: ApprovalId,
        delegation: Delegation,
    ) -> Result<Object<Approval>, AppError> {
        caller.require(Verb::Write, SCOPE)?;
        delegation.check()?;
        let approval = self.find_approval(caller, id).await?;
        let Delegation { approver, to, comment } = delegation;
        if approval.document.approvers.is_empty() {
            let message = "everyone may decide about this approval, so it cannot be delegated";
            return Err(AppError::Conflict(message.to_owned()));
        }
        let approver = choose_approver(caller, &approval.document, approver)?;
        let action = DecisionAction::Delegate { to, comment };
        let audit = AuditAction::ApprovalDelegated;
        self.decide(caller, &approval, (approver, action), audit).await
    }

    async fn record_vote(
        &self,
        caller: &Caller,
        approval: &Object<Approval>,
        vote: NewVote,
    ) -> Result<Object<Approval>, AppError> {
        let NewVote { approver, verdict, comment, data } = vote;
        let approver = choose_approver(caller, &approval.document, approver)?;
        if let Some(form) = approval.document.form.clone().filter(|_| verdict == Verdict::Approve) {
            let checked = data.clone();
            let check = move || check_form(&form, &checked);
            self.engine
                .check_on_thread(check)
                .await?
                .map_err(|problems| AppError::InvalidObject { kind: "decision", problems })?;
        }
        let audit = match verdict {
            Verdict::Approve => AuditAction::ApprovalApproved,
            Verdict::Reject => AuditAction::ApprovalRejected,
        };
        let action = DecisionAction::Vote { verdict, comment, data };
        self.decide(caller, approval, (approver, action), audit).await
    }

    /// Gives a decision to the execution, and returns the approval after it.
    async fn decide(
        &self,
        caller: &Caller,
        approval: &Object<Approval>,
        (approver, action): (String, DecisionAction),
        audit: AuditAction,
    ) -> Result<Object<Approval>, AppError> {
        let document = &approval.document;
        if document.status != ApprovalStatus::Pending {
            return Err(ended_error(document.status));
        }
        self.require_writable_store().await?;
        let entry = self.engine.audit_entry(caller, audit, approval.id);
        let entry = entry.named(&document.title).with("approver", approver.as_str());
        let entry = entry.with("execution_id", document.execution.abi());
        let decision = DecisionInput { approval: document.attempt(), approver, action };
        let control = Control::Decide(Arc::new(decision));
        match self.engine.control(document.execution, control, Some(entry)).await {
            Ok(_) => {}
            // It has ended since it was read.
            Err(AppError::AlreadyEnded(_) | AppError::WrongState { .. }) => {
                let now = self.find_approval(caller, approval.id).await?;
                return Err(ended_error(now.document.status));
            }
            Err(error) => return Err(error),
        }
        self.find_approval(caller, approval.id).await
    }

    async fn find_approval(
        &self,
        caller: &Caller,
        id: ApprovalId,
    ) -> Result<Object<Approval>, AppError> {
        let found = objects::find_object::<Approval>(&*self.engine.store, id).await?;
        let found = found.filter(|approval| approval.workspace == caller.workspace);
        found.ok_or_else(|| AppError::not_found("approval", id.abi()))
    }
}

/// The approver in whose name the caller decides: the named one, else the only one, else the
/// caller's key if everyone may decide.
fn choose_approver(
    caller: &Caller,
    approval: &Approval,
    named: Option<String>,
) -> Result<String, AppError> {
    match (named, approval.approvers.as_slice()) {
        (Some(named), _) => Ok(named),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Ok(caller.actor.name().to_owned()),
        (None, _) => {
            let message = "is required: the approval has several approvers";
            Err(AppError::invalid("approver", message))
        }
    }
}

fn ended_error(status: ApprovalStatus) -> AppError {
    let status = match status {
        ApprovalStatus::Pending => "decided",
        ended => ended.name(),
    };
    AppError::Conflict(format!("the approval has ended: it is {status}"))
}
