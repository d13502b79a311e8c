//! Signals as they are sent, and what became of them.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::execution::{SignalInput, UnawaitedSignal};
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::json_size;
use stepwell_core::{MAX_VALUE_DEPTH, Problem, Timestamp, names, nests_deeper};

use crate::AppError;
use crate::signal::SignalKey;

/// The longest name, key or id, in bytes.
const MAX_NAME: usize = 255;

/// A signal to be sent.
#[derive(Debug, Clone)]
pub struct NewSignal {
    /// Its name.
    pub name: String,
    /// Its correlation key, if only a step that waits for this key may consume it.
    pub key: Option<String>,
    /// An id: further signals with the same name and id are ignored.
    pub id: Option<String>,
    /// Its data, the output of the step that consumes it.
    pub data: Arc<Value>,
    /// What to do if no step waits for it.
    pub unawaited: UnawaitedSignal,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentSignal {
    /// What happened to it.
    pub effect: SignalEffect,
    /// The execution that received it, now or when it was sent first.
    pub execution: Option<ExecutionId>,
    /// If it is kept outside of an execution: when it is deleted.
    pub expires_at: Option<Timestamp>,
}

/// What happened to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalEffect {
    /// A step consumed it.
    Consumed,
    /// It is kept until a step waits for it.
    Kept,
    /// It is ignored: a signal with its id was received before.
    Repeated,
}

impl NewSignal {
    /// Checks names and data.
    pub(super) fn check(&self, max_bytes: usize) -> Result<(), AppError> {
        check_name("name", &self.name)?;
        let others = [("key", &self.key), ("id", &self.id)];
        for (field, text) in others {
            text.as_deref().map_or(Ok(()), |text| check_name(field, text))?;
        }
        if json_size(&self.data, max_bytes + 1) > max_bytes {
            let message = format!("the data of a signal may have at most {max_bytes} bytes");
            return Err(AppError::TooLarge(Problem::new("data", message)));
        }
        if nests_deeper(&self.data, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than the {MAX_VALUE_DEPTH} levels allowed");
            return Err(AppError::invalid("data", message));
        }
        Ok(())
    }

    /// Its name with its correlation key, which it must have.
    pub(super) fn correlation_key(&self) -> Result<SignalKey, AppError> {
        let key = self.key.clone().ok_or_else(|| AppError::invalid("key", "is required"))?;
        Ok(SignalKey { signal: self.name.clone(), key })
    }

    pub(super) fn into_input(self) -> SignalInput {
        let Self { name, key, id, data, unawaited } = self;
        SignalInput { name, key, id, data, unawaited }
    }
}

fn check_name(field: &str, text: &str) -> Result<(), AppError> {
    if text.is_empty() || text.len() > MAX_NAME {
        return Err(AppError::invalid(field, format!("must have 1 to {MAX_NAME} bytes")));
    }
    names::check_visible(text).map_err(|problem| AppError::invalid(field, problem))
}
