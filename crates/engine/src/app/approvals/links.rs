//! One-time links: an approver decides without a key. A link has the approval, the approver and its
//! end, signed with a secret of the workspace; it is used up when the approver has voted or the
//! approval has ended.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use stepwell_core::Timestamp;
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{ApprovalId, SubjectId, WorkspaceId};
use stepwell_core::json;
use stepwell_store::Effects;
use stepwell_store::objects::ObjectBatch;

use super::requests::{NewVote, check_name};
use super::{SCOPE, choose_approver, ended_error};
use crate::app::App;
use crate::approval::{Approval, ApprovalStatus};
use crate::caller::Verb;
use crate::objects::{self, Object};
use crate::runtime::deliveries::new_secret;
use crate::runtime::engine::new_uuid;
use crate::setting::{self, Setting};
use crate::{AppError, Caller};

/// The default validity of a link, and its longest one.
const DEFAULT_VALIDITY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const MAX_VALIDITY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The longest token, in bytes.
const MAX_TOKEN: usize = 2_000;

/// A link to be created.
#[derive(Debug, Clone, Default)]
pub struct NewApprovalLink {
    /// The approver that it is for.
    pub approver: Option<String>,
    /// How long it is valid.
    pub validity: Option<Duration>,
}

/// A link with which an approver decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalLink {
    /// The secret part of its URL.
    pub token: String,
    /// The approver that it is for.
    pub approver: String,
    /// Until when it is valid.
    pub expires_at: Timestamp,
}

/// What a token contains.
#[derive(Debug, Serialize, Deserialize)]
struct TokenContent {
    #[serde(rename = "w")]
    workspace: WorkspaceId,
    #[serde(rename = "a")]
    approval: ApprovalId,
    #[serde(rename = "by")]
    approver: String,
    #[serde(rename = "until")]
    expires_at: Timestamp,
}

impl App {
    /// Creates a link with which an approver can decide once, without a key. Scope
    /// `write:approvals`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if the approval has ended; `NotPermitted` if the approver may not
    /// decide; `InvalidRequest`.
    pub async fn create_approval_link(
        &self,
        caller: &Caller,
        id: ApprovalId,
        new: NewApprovalLink,
    ) -> Result<ApprovalLink, AppError> {
        caller.require(Verb::Write, SCOPE)?;
        let NewApprovalLink { approver, validity } = new;
        check_name("approver", approver.as_deref())?;
        let approval = self.find_approval(caller, id).await?;
        let document = &approval.document;
        if document.status != ApprovalStatus::Pending {
            return Err(ended_error(document.status));
        }
        let approver = choose_approver(caller, document, approver)?;
        if !document.approvers.is_empty() && !document.approvers.contains(&approver) {
            let message = "is not one of the approvers";
            return Err(AppError::invalid("approver", message));
        }
        let validity = validity.unwrap_or(DEFAULT_VALIDITY);
        if validity.is_zero() || validity > MAX_VALIDITY {
            let message = format!("must be 1 to {} seconds", MAX_VALIDITY.as_secs());
            return Err(AppError::invalid("expires_in_seconds", message));
        }
        let expires_at = self.engine.now().after(validity);
        let (workspace, approval_id) = (caller.workspace, approval.id);
        let content = TokenContent {
            workspace,
            approval: approval_id,
            approver: approver.clone(),
            expires_at,
        };
        let token = self.sign_token(&content).await?;
        let action = AuditAction::ApprovalLinkCreated;
        let entry = self.engine.audit_entry(caller, action, approval.id);
        let entry = entry.named(&document.title).with("approver", approver.as_str());
        let batch = ObjectBatch::effects(Effects::with_audit(entry));
        self.engine.write_objects(batch).await?;
        Ok(ApprovalLink { token, approver, expires_at })
    }

    /// The approval of a link, with the approver that the link is for.
    ///
    /// # Errors
    /// `NotFound` for a token that is wrong or expired.
    pub async fn approval_of_link(
        &self,
        token: &str,
    ) -> Result<(Object<Approval>, String), AppError> {
        let content = self.read_token(token).await?;
        let caller = Caller::internal_to(content.workspace);
        let approval = self.find_approval(&caller, content.approval).await?;
        Ok((approval, content.approver))
    }

    /// Records the vote of the approver that a link is for.
    ///
    /// # Errors
    /// `NotFound` for a token that is wrong or expired; otherwise as [`App::vote`].
    pub async fn vote_by_link(
        &self,
        token: &str,
        vote: NewVote,
    ) -> Result<Object<Approval>, AppError> {
        let content = self.read_token(token).await?;
        vote.check(self.engine.config().max_value_bytes)?;
        let caller = Caller::internal_to(content.workspace);
        let approval = self.find_approval(&caller, content.approval).await?;
        let vote = NewVote { approver: Some(content.approver), ..vote };
        self.record_vote(&caller, &approval, vote).await
    }

    async fn sign_token(&self, content: &TokenContent) -> Result<String, AppError> {
        let text = serde_json::to_vec(content)
            .map_err(|error| AppError::Internal(format!("a token cannot be written: {error}")))?;
        let name = secret_name(content.workspace);
        let (store, id) = (&*self.engine.store, SubjectId::from_uuid(new_uuid()));
        let now = self.engine.now();
        let secret = setting::find_or_insert(store, id, &name, new_secret(), now).await?;
        let signature = signature_of(&secret, &text)?.finalize();
        let [text, signature] = [text.as_slice(), &signature.into_bytes()[..]]
            .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        Ok(format!("{text}.{signature}"))
    }

    async fn read_token(&self, token: &str) -> Result<TokenContent, AppError> {
        let unknown = || AppError::not_found("approval link", "");
        let (text, signature) =
            token.split_once('.').filter(|_| token.len() <= MAX_TOKEN).ok_or_else(unknown)?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| unknown());
        let (text, signature) = (decode(text)?, decode(signature)?);
        let content: TokenContent = json::from_slice(&text)
            .ok()
            .and_then(|content| serde_json::from_value(content).ok())
            .ok_or_else(unknown)?;
        // Nothing is stored for a workspace without links, or for one that does not exist.
        let name = secret_name(content.workspace);
        let secret = objects::find_by_key::<Setting>(&*self.engine.store, name).await?;
        let secret = secret.ok_or_else(unknown)?.document.value;
        let expected = signature_of(&secret, &text)?;
        // In constant time.
        expected.verify_slice(&signature).map_err(|_| unknown())?;
        if content.expires_at <= self.engine.now() {
            return Err(unknown());
        }
        Ok(content)
    }
}

/// The name of the setting that has a workspace's secret for links.
fn secret_name(workspace: WorkspaceId) -> String {
    format!("approval_link_secret/{workspace}")
}

fn signature_of(secret: &str, text: &[u8]) -> Result<Hmac<Sha256>, AppError> {
    let mut signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| AppError::Internal(error.to_string()))?;
    signature.update(text);
    Ok(signature)
}
