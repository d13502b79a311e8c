//! Idempotency for POSTs that create no workflow, execution or workspace: the first response is
//! stored and sent again. (Creating those is atomic with the key inside the engine.)

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use stepwell_engine::app::{Idempotency, IdempotencyClaim};
use stepwell_engine::{App, AppError, Caller, KeyedMutex};

use crate::error::{ApiError, Kind};
use crate::respond;

/// Serialises requests with the same key, so that the second of two concurrent ones finds the
/// response of the first. Those on other nodes are rejected and can be retried.
static KEY_LOCKS: KeyedMutex = KeyedMutex::new();

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Runs `work` once for each idempotency key; a repeated request gets the first response again. Only
/// success is stored, so a rejected request can be repeated.
///
/// # Errors
/// `IdempotencyKeyReused`, or the error of `work`.
pub async fn respond_once(
    app: &App,
    caller: &Caller,
    key: Option<Idempotency>,
    work: impl Future<Output = Result<(StatusCode, String), ApiError>>,
) -> Result<Response, ApiError> {
    let Some(key) = key else {
        let (status, body) = work.await?;
        return Ok(respond::json_text(status, body));
    };
    let _guard = KEY_LOCKS.lock(&key.key).await;
    let guard = match app.claim_idempotency_key(caller, &key).await? {
        IdempotencyClaim::First(guard) => guard,
        IdempotencyClaim::Replayed { status, body } => return replayed_response(status, body),
        IdempotencyClaim::ReplayedSecret => return Err(not_replayable()),
        IdempotencyClaim::InProgress => return Err(key_in_use()),
    };
    match work.await {
        Ok((status, body)) => {
            log_failure(guard.complete(status.as_u16(), body.clone()).await);
            Ok(respond::json_text(status, body))
        }
        Err(error) => {
            guard.release().await;
            Err(error)
        }
    }
}

/// As [`respond_once`], for a response that contains a secret: it is not stored, and a repeated request
/// is rejected.
///
/// # Errors
/// `NotReplayable`, `IdempotencyKeyReused`, or the error of `work`.
pub async fn idempotent_secret(
    app: &App,
    caller: &Caller,
    key: Option<Idempotency>,
    work: impl Future<Output = Result<Response, ApiError>>,
) -> Result<Response, ApiError> {
    let Some(key) = key else { return work.await };
    let _guard = KEY_LOCKS.lock(&key.key).await;
    let guard = match app.claim_idempotency_key(caller, &key).await? {
        IdempotencyClaim::First(guard) => guard,
        IdempotencyClaim::Replayed { .. } | IdempotencyClaim::ReplayedSecret => {
            return Err(not_replayable());
        }
        IdempotencyClaim::InProgress => return Err(key_in_use()),
    };
    match work.await {
        Ok(response) => {
            log_failure(guard.complete_secret().await);
            Ok(response)
        }
        Err(error) => {
            guard.release().await;
            Err(error)
        }
    }
}

/// The first request with the key succeeded with a secret.
fn not_replayable() -> ApiError {
    ApiError::new(
        Kind::NotReplayable,
        "this Idempotency-Key was used before and the request succeeded then; its response \
         held a secret, which is shown once and not stored. Delete what it made if the \
         secret was lost, and send a new key",
    )
}

/// The first request with the key is at work on another node, or was cut off there.
fn key_in_use() -> ApiError {
    let message = "the first request with this Idempotency-Key is still at work; send it again";
    ApiError::new(Kind::IdempotencyKeyBusy, message).after(Duration::from_secs(1))
}

/// The work is done even if the response cannot be stored, so a failure is only logged.
fn log_failure(stored: Result<(), AppError>) {
    if let Err(error) = stored {
        tracing::warn!(%error, "a response could not be stored under its idempotency key");
    }
}

fn replayed_response(status: u16, body: String) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(status)
        .map_err(|_| ApiError::internal("a stored response is not readable"))?;
    let mut response = respond::json_text(status, body);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_responses_read_back() {
        let response = replayed_response(202, "{\"a\":1}".to_owned()).unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()["idempotent-replayed"], "true");
        for broken in [0, 99, 1000] {
            let error = replayed_response(broken, String::new()).unwrap_err();
            assert_eq!(error.kind(), Kind::Internal, "{broken}");
        }
    }
}
