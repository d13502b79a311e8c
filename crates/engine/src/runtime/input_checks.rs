//! Checks of an execution's input.

use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::memory::json_size;
use stepwell_core::{MAX_VALUE_DEPTH, Problem, nests_deeper};

use super::engine::Engine;
use crate::AppError;

/// How long a check that is much work waits for a free thread.
const CHECK_WAIT: Duration = Duration::from_secs(5);

impl Engine {
    /// Fills in the defaults and checks the input against the plan.
    pub(crate) async fn checked_input(
        &self,
        plan: &SharedPlan,
        input: Value,
    ) -> Result<Value, AppError> {
        let input = plan.with_defaults(input);
        check_depth(&input)?;
        self.check_size(&input)?;
        if let Some(checked) = plan.check_input_inline(&input) {
            return checked.map(|()| input).map_err(AppError::InvalidInput);
        }
        let plan = plan.clone();
        let check = move || plan.check_input(&input).map(|()| input);
        Box::pin(self.check_on_thread(check)).await?.map_err(AppError::InvalidInput)
    }

    /// Runs `check` on one of a bounded number of blocking threads.
    pub(crate) async fn check_on_thread<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let permit = self.input_checks.clone().acquire_owned();
        let permit = match tokio::time::timeout(CHECK_WAIT, permit).await {
            Ok(permit) => permit.map_err(|error| AppError::Internal(error.to_string()))?,
            Err(_) => {
                return Err(AppError::Unavailable {
                    reason: "many large inputs are being checked".into(),
                    retry_after: CHECK_WAIT,
                });
            }
        };
        let checked = tokio::task::spawn_blocking(move || {
            let checked = check();
            drop(permit);
            checked
        });
        checked.await.map_err(|error| AppError::Internal(format!("a check stopped: {error}")))
    }

    fn check_size(&self, input: &Value) -> Result<(), AppError> {
        let limit = self.config().max_value_bytes;
        if json_size(input, limit + 1) <= limit {
            return Ok(());
        }
        let message = format!("the input is larger than the limit of {limit} bytes");
        Err(AppError::TooLarge(Problem::new("input", message)))
    }
}

/// Must precede all other checks, which recurse.
fn check_depth(input: &Value) -> Result<(), AppError> {
    if !nests_deeper(input, MAX_VALUE_DEPTH) {
        return Ok(());
    }
    let message =
        format!("the input is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed");
    Err(AppError::InvalidInput(Problem::new("input", message).into()))
}
