//! The bodies about signals.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// A signal for an execution.
    #[schema(as = abi::SignalRequest, example = json!({"data": {"amount": 25}, "id": "payment-881"}))]
    pub struct SignalRequest {
        /// Its data: the output of the step that consumes it. Default: `null`.
        pub data: Option<Value>,
        /// Its correlation key: only a step that waits for this key may consume it. Default: any
        /// step that waits for the name.
        pub key: Option<String>,
        /// An id of your own: further signals with the same name and id are ignored.
        pub id: Option<String>,
        /// Whether it is kept if no step waits for it. `false`: 404 `SIGNAL_NOT_AWAITED`.
        #[schema(default = true)]
        pub keep: Option<bool>,
    }
}

request_body! {
    /// A signal for the execution that waits for its correlation key.
    #[schema(as = abi::KeyedSignalRequest,
        example = json!({"key": "order-17", "data": {"amount": 25}, "id": "payment-881"}))]
    pub struct KeyedSignalRequest {
        /// The correlation key that the step waits for.
        pub key: String,
        /// Its data: the output of the step that consumes it. Default: `null`.
        pub data: Option<Value>,
        /// An id of your own: further signals with the same name and id are ignored for 7 days.
        pub id: Option<String>,
        /// Whether it is kept, for 7 days, if no execution waits for it. `false`: 404
        /// `SIGNAL_NOT_AWAITED`.
        #[schema(default = true)]
        pub keep: Option<bool>,
    }
}

/// What became of a signal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::SentSignal)]
pub struct SentSignal<'a> {
    /// Its name.
    #[schema(example = "payment")]
    pub name: &'a str,
    /// What happened to it.
    pub status: SignalStatus,
    /// The execution that received it; `null` if it is kept for the first one that waits.
    pub execution_id: Option<String>,
    /// When it is deleted if no execution has waited for it; `null` if an execution has it.
    pub expires_at: Option<Time>,
}

/// What happened to a signal.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::SignalStatus)]
pub enum SignalStatus {
    /// A step consumed it.
    Consumed,
    /// It is kept until a step waits for it.
    Kept,
    /// It is ignored: a signal with its id was received before.
    Repeated,
}
