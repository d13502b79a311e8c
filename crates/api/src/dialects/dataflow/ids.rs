//! The ids in this dialect's paths. One that is not an id at all names nothing: 404.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::error::{ApiError, Kind};

/// `/workflows/{workflow_id}…`
pub struct PathWorkflowId(pub WorkflowId);

/// `/workflows/{workflow_id}/executions/{execution_id}…`
pub struct PathExecutionIds {
    /// The workflow that the execution must belong to.
    pub workflow: WorkflowId,
    /// The execution.
    pub execution: ExecutionId,
}

impl<S: Send + Sync> FromRequestParts<S> for PathWorkflowId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Self(path_id(&params, "workflow_id", Kind::NoWorkflow)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathExecutionIds {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = path_params(parts, state).await?;
        Ok(Self {
            workflow: path_id(&params, "workflow_id", Kind::NoWorkflow)?,
            execution: path_id(&params, "execution_id", Kind::NoExecution)?,
        })
    }
}

async fn path_params<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::new(Kind::NoRoute, "the path is not valid UTF-8"))
}

fn path_id<T: FromStr<Err: std::fmt::Display>>(
    params: &RawPathParams,
    name: &str,
    kind: Kind,
) -> Result<T, ApiError> {
    let text = params.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value);
    text.parse().map_err(|error: T::Err| ApiError::new(kind, error.to_string()))
}
