//! The ids in this dialect's paths. One that is not an id at all names nothing: 404.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use stepwell_core::Problem;
use stepwell_core::ids::{
    DeliveryId, ExecutionId, KeyId, ScheduleId, WebhookId, WorkflowId, WorkspaceId,
};

use crate::error::{ApiError, Kind, shorten_text};

/// The `{id}` of a path.
pub struct PathId<T>(pub T);

/// `/workflows/{id}…`
pub type PathWorkflowId = PathId<WorkflowId>;

/// `/workflow_executions/{id}…`
pub type PathExecutionId = PathId<ExecutionId>;

/// `/workflow_schedules/{id}…`
pub type PathScheduleId = PathId<ScheduleId>;

/// `/webhooks/{id}…`
pub type PathWebhookId = PathId<WebhookId>;

/// `/webhooks/deliveries/{id}…`
pub type PathDeliveryId = PathId<DeliveryId>;

/// `/auth/api-keys/{id}`
pub type PathKeyId = PathId<KeyId>;

/// `/workspaces/{id}`
pub type PathWorkspaceId = PathId<WorkspaceId>;

/// What names one object of its kind.
pub trait ParseId: Sized {
    /// Reads it in any form.
    ///
    /// # Errors
    /// That there is no such object, where it is not an id.
    fn read(text: &str) -> Result<Self, ApiError>;
}

impl<T: ParseId, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(Kind::NoRoute, "the path is not valid UTF-8"))?;
        T::read(path_part(&path, "id")).map(Self)
    }
}

/// The `{name}` of a path, in which any text is a name.
pub struct PathName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(Kind::NoRoute, "the path is not valid UTF-8"))?;
        Ok(Self(path_part(&path, "name").to_owned()))
    }
}

impl ParseId for WorkflowId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoWorkflow)
    }
}

impl ParseId for ExecutionId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoExecution)
    }
}

impl ParseId for ScheduleId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoSchedule)
    }
}

impl ParseId for WebhookId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

impl ParseId for DeliveryId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

impl ParseId for KeyId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_key_id(text)
    }
}

impl ParseId for WorkspaceId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

/// Reads an id; `kind` is the error of a text that is none.
///
/// # Errors
/// `kind`.
pub fn parse_id<T: FromStr<Err: Display>>(text: &str, kind: Kind) -> Result<T, ApiError> {
    text.parse().map_err(|error: T::Err| ApiError::new(kind, error.to_string()))
}

/// A part of the path by its name.
pub fn path_part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

/// How this dialect begins the ids of keys.
const KEY_PREFIX: &str = "apk_";

/// A key's id as this dialect writes it.
pub fn key_id(id: KeyId) -> String {
    let written = id.abi();
    let chars = written.split_once('_').map_or(written.as_str(), |(_, chars)| chars);
    format!("{KEY_PREFIX}{chars}")
}

/// Who created something: the user that a key represents; `system` if no key was used.
pub fn creator_id(key: Option<KeyId>) -> String {
    match key {
        Some(key) => key_id(key).replacen(KEY_PREFIX, "usr_", 1),
        None => "system".to_owned(),
    }
}

/// Reads a key's id in any form.
pub fn parse_key_id(text: &str) -> Result<KeyId, ApiError> {
    let inside = match text.strip_prefix(KEY_PREFIX).or_else(|| text.strip_prefix("apk-")) {
        Some(chars) => format!("key_{chars}"),
        None => text.to_owned(),
    };
    inside.parse().map_err(|_| {
        let shown = shorten_text(text);
        ApiError::new(
            Kind::NoObject,
            format!(
                "`{shown}` is not the id of an API key: expected `{KEY_PREFIX}` and 26 characters"
            ),
        )
    })
}

/// Reads the id of a workspace in a body or a query.
pub fn parse_workspace_id(text: &str) -> Result<WorkspaceId, Problem> {
    text.parse().map_err(|error| Problem::new("workspace_id", format!("{error}")))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn key_ids_read_back_in_every_form() {
        let id = KeyId::from_uuid(Uuid::from_u128(77));
        assert!(key_id(id).starts_with("apk_0000"), "{}", key_id(id));
        for form in [key_id(id), id.abi(), id.dataflow(), id.to_string()] {
            assert_eq!(parse_key_id(&form).unwrap(), id, "{form}");
        }
        assert_eq!(parse_key_id("apk_x").unwrap_err().kind(), Kind::NoObject);
    }
}
