//! Conversions of signals.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::execution::UnawaitedSignal;
use stepwell_engine::app::{NewSignal, SentSignal, SignalEffect};

use super::wire::{self, KeyedSignalRequest, SignalRequest, SignalStatus};
use crate::respond::Time;

/// The signal of a request that names the execution.
pub fn new_signal(name: String, request: SignalRequest) -> NewSignal {
    let SignalRequest { data, key, id, keep } = request;
    NewSignal { name, key, id, data: read_data(data), unawaited: read_keep(keep) }
}

/// The signal of a request that names a correlation key.
pub fn keyed_signal(name: String, request: KeyedSignalRequest) -> NewSignal {
    let KeyedSignalRequest { key, data, id, keep } = request;
    NewSignal { name, key: Some(key), id, data: read_data(data), unawaited: read_keep(keep) }
}

fn read_data(data: Option<Value>) -> Arc<Value> {
    Arc::new(data.unwrap_or_default())
}

fn read_keep(keep: Option<bool>) -> UnawaitedSignal {
    if keep == Some(false) { UnawaitedSignal::Reject } else { UnawaitedSignal::Keep }
}

/// What became of a signal.
pub fn sent_signal<'a>(name: &'a str, sent: &SentSignal) -> wire::SentSignal<'a> {
    let SentSignal { effect, execution, expires_at } = sent;
    wire::SentSignal {
        name,
        status: match effect {
            SignalEffect::Consumed => SignalStatus::Consumed,
            SignalEffect::Kept => SignalStatus::Kept,
            SignalEffect::Repeated => SignalStatus::Repeated,
        },
        execution_id: execution.map(|id| id.abi()),
        expires_at: expires_at.map(Time),
    }
}
