//! The ids in this dialect's paths. One that is not an id at all names nothing: 404.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use stepwell_core::ids::{
    DeliveryId, ExecutionId, KeyId, ScheduleId, WebhookId, WorkflowId, WorkspaceId,
};

use super::convert;
use crate::error::{ApiError, Kind};

/// The `{id}` of a path.
pub struct Of<T>(pub T);

/// `/workflows/{id}…`
pub type OfWorkflow = Of<WorkflowId>;

/// `/workflow_executions/{id}…`
pub type OfExecution = Of<ExecutionId>;

/// `/workflow_schedules/{id}…`
pub type OfSchedule = Of<ScheduleId>;

/// `/webhooks/{id}…`
pub type OfWebhook = Of<WebhookId>;

/// `/webhooks/deliveries/{id}…`
pub type OfDelivery = Of<DeliveryId>;

/// `/auth/api-keys/{id}`
pub type OfKey = Of<KeyId>;

/// `/workspaces/{id}`
pub type OfWorkspace = Of<WorkspaceId>;

/// What names one object of its kind.
pub trait Names: Sized {
    /// Reads it in any form.
    ///
    /// # Errors
    /// That there is no such object, where it is not an id.
    fn read(text: &str) -> Result<Self, ApiError>;
}

impl<T: Names, S: Send + Sync> FromRequestParts<S> for Of<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(Kind::NoRoute, "the path is not valid UTF-8"))?;
        T::read(part(&path, "id")).map(Self)
    }
}

impl Names for WorkflowId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoWorkflow)
    }
}

impl Names for ExecutionId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoExecution)
    }
}

impl Names for ScheduleId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoSchedule)
    }
}

impl Names for WebhookId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoObject)
    }
}

impl Names for DeliveryId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoObject)
    }
}

impl Names for KeyId {
    fn read(text: &str) -> Result<Self, ApiError> {
        convert::parse_key_id(text)
    }
}

impl Names for WorkspaceId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parsed(text, Kind::NoObject)
    }
}

/// Reads an id; `kind` is the error of a text that is none.
///
/// # Errors
/// `kind`.
pub fn parsed<T: FromStr<Err: Display>>(text: &str, kind: Kind) -> Result<T, ApiError> {
    text.parse().map_err(|error: T::Err| ApiError::new(kind, error.to_string()))
}

/// A part of the path by its name.
pub fn part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
