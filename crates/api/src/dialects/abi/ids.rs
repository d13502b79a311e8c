//! The ids in this dialect's paths. One that is not an id at all names nothing: 404.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use stepwell_core::ids::{DeliveryId, ExecutionId, WebhookId, WorkflowId};

use crate::error::{ApiError, Kind};

/// `/workflows/{id}…`
pub struct OfWorkflow(pub WorkflowId);

/// `/workflow_executions/{id}…`
pub struct OfExecution(pub ExecutionId);

/// `/webhooks/{id}…`
pub struct OfWebhook(pub WebhookId);

/// `/webhooks/deliveries/{id}…`
pub struct OfDelivery(pub DeliveryId);

impl<S: Send + Sync> FromRequestParts<S> for OfWorkflow {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        id(parts, state, Kind::NoWorkflow).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfExecution {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        id(parts, state, Kind::NoExecution).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfWebhook {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        id(parts, state, Kind::NoObject).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfDelivery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        id(parts, state, Kind::NoObject).await.map(Self)
    }
}

async fn id<T: FromStr<Err: std::fmt::Display>, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    kind: Kind,
) -> Result<T, ApiError> {
    let path = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::new(Kind::NoRoute, "the path is not valid UTF-8"))?;
    part(&path, "id").parse().map_err(|error: T::Err| ApiError::new(kind, error.to_string()))
}

/// A part of the path by its name.
pub fn part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
