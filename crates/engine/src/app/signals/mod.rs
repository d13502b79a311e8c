//! Sending signals: to an execution, or by a correlation key.

mod requests;

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::audit::AuditAction;
use stepwell_core::execution::{SignalInput, UnawaitedSignal};
use stepwell_core::ids::{ExecutionId, SubjectId, WorkspaceId};
use stepwell_store::Effects;
use stepwell_store::lists::List;
use stepwell_store::objects::{ObjectBatch, ObjectFilter};

pub use requests::{NewSignal, SentSignal, SignalEffect};

use super::{App, workflows};
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::new_uuid;
use crate::runtime::registry::{Control, ControlEffect, SignalDelivery};
use crate::signal::{KeptSignal, SignalKey, SignalReceipt};
use crate::{AppError, Caller};

/// How long a signal is kept that no execution waits for, and how long its id is remembered.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most kept signals with the same name and key.
const MAX_KEPT_PER_KEY: u64 = 100;
/// The most kept signals of a workspace.
const MAX_KEPT: u64 = 10_000;

impl App {
    /// Sends a signal to an execution; durable when this returns. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `InvalidRequest`, `TooLarge`; `NotFound`, `AlreadyEnded`; `SignalNotAwaited` if it is not to
    /// be kept; `TooManySignals`.
    pub async fn send_signal(
        &self,
        caller: &Caller,
        id: ExecutionId,
        signal: NewSignal,
    ) -> Result<SentSignal, AppError> {
        signal.check(self.engine.config().max_value_bytes)?;
        let record = self.record(caller, Verb::Execute, None, id).await?;
        if record.status.is_final() {
            return Err(AppError::AlreadyEnded(record.status));
        }
        let signal = signal.into_input();
        let control =
            Control::Signal(Arc::new(SignalDelivery { signal, objects: ObjectBatch::default() }));
        let effect = self.control_audited(caller, &record, control).await?;
        Ok(SentSignal { effect: effect.into(), execution: Some(id), expires_at: None })
    }

    /// Sends a signal to the execution that has waited longest for its name and key, or keeps it
    /// for the first one that waits; durable when this returns. Scope `execute:workflows`, for all
    /// workflows.
    ///
    /// # Errors
    /// `InvalidRequest`, `TooLarge`; `SignalNotAwaited` if it is not to be kept; `TooManySignals`.
    pub async fn send_signal_by_key(
        &self,
        caller: &Caller,
        signal: NewSignal,
    ) -> Result<SentSignal, AppError> {
        caller.require(Verb::Execute, workflows::KIND)?;
        signal.check(self.engine.config().max_value_bytes)?;
        let key = signal.correlation_key()?;
        self.require_writable_store().await?;
        let kept = {
            // The same id must not be handled twice at the same time, whatever the key.
            let by_id = signal.id.as_deref().map(|id| (caller.workspace, &signal.name, id));
            let _id_guard = match &by_id {
                Some(by_id) => Some(self.engine.signal_id_locks.lock(by_id).await),
                None => None,
            };
            let _guard = self.engine.signal_locks.lock(&(caller.workspace, &key)).await;
            if let Some(repeated) = self.find_receipt(caller.workspace, &signal).await? {
                return Ok(repeated);
            }
            if let Some(sent) = self.send_to_waiting(caller, &key, &signal).await? {
                return Ok(sent);
            }
            if signal.unawaited == UnawaitedSignal::Reject {
                return Err(AppError::SignalNotAwaited);
            }
            self.keep_signal(caller, &key, signal).await?
        };
        // An execution may have begun to wait meanwhile.
        let delivered = self.engine.deliver_kept_signals(caller.workspace, &key).await;
        let delivered = delivered.unwrap_or_default();
        Ok(match delivered.into_iter().find(|delivered| delivered.signal == kept.id) {
            Some(delivered) => SentSignal {
                effect: SignalEffect::Consumed,
                execution: Some(delivered.execution),
                expires_at: None,
            },
            None => SentSignal {
                effect: SignalEffect::Kept,
                execution: None,
                expires_at: Some(kept.document.expires_at),
            },
        })
    }

    /// The result of the first signal with this id; `None`: it is the first one.
    async fn find_receipt(
        &self,
        workspace: WorkspaceId,
        signal: &NewSignal,
    ) -> Result<Option<SentSignal>, AppError> {
        let Some(id) = &signal.id else { return Ok(None) };
        let key = SignalReceipt::key(workspace, &signal.name, id);
        let found = objects::find_by_key::<SignalReceipt>(&*self.engine.store, key).await?;
        Ok(found.map(|receipt| SentSignal {
            effect: SignalEffect::Repeated,
            execution: receipt.document.execution,
            expires_at: None,
        }))
    }

    /// Gives the signal to an execution that waits for it, together with its receipt.
    async fn send_to_waiting(
        &self,
        caller: &Caller,
        key: &SignalKey,
        signal: &NewSignal,
    ) -> Result<Option<SentSignal>, AppError> {
        let delivery = |execution: ExecutionId| {
            let mut objects = ObjectBatch::default();
            if let Some(receipt) = self.new_receipt(caller.workspace, signal, Some(execution)) {
                objects.puts.push(receipt.to_stored()?);
            }
            let input = SignalInput {
                key: Some(key.key.clone()),
                unawaited: UnawaitedSignal::Reject,
                ..signal.clone().into_input()
            };
            let action = AuditAction::ExecutionSignaled;
            let entry = self.engine.audit_entry(caller, action, execution);
            let entry = entry.with("signal", key.signal.clone());
            Ok((SignalDelivery { signal: input, objects }, Some(entry)))
        };
        let sent = self.engine.deliver_to_waiting(caller.workspace, key, delivery).await?;
        let Some((execution, effect)) = sent else { return Ok(None) };
        let sent =
            SentSignal { effect: effect.into(), execution: Some(execution), expires_at: None };
        Ok(Some(sent))
    }

    fn new_receipt(
        &self,
        workspace: WorkspaceId,
        signal: &NewSignal,
        execution: Option<ExecutionId>,
    ) -> Option<Object<SignalReceipt>> {
        let now = self.engine.now();
        let receipt = SignalReceipt {
            signal: signal.name.clone(),
            id: signal.id.clone()?,
            execution,
            expires_at: now.after(KEPT_FOR),
        };
        Some(Object::new(SubjectId::from_uuid(new_uuid()), workspace, now, receipt))
    }

    /// Stores a signal for which no execution waits.
    async fn keep_signal(
        &self,
        caller: &Caller,
        key: &SignalKey,
        signal: NewSignal,
    ) -> Result<Object<KeptSignal>, AppError> {
        self.require_room_for_signal(caller.workspace, key).await?;
        let now = self.engine.now();
        let receipt = self.new_receipt(caller.workspace, &signal, None);
        let NewSignal { id, data, .. } = signal;
        let kept = KeptSignal { key: key.clone(), id, data, expires_at: now.after(KEPT_FOR) };
        let kept = Object::new(SubjectId::from_uuid(new_uuid()), caller.workspace, now, kept);
        let entry = self.engine.audit_entry(caller, AuditAction::SignalKept, caller.workspace);
        let entry = entry.named(&key.signal);
        let mut batch = ObjectBatch::put(kept.to_stored()?, Effects::with_audit(entry));
        if let Some(receipt) = receipt {
            batch.puts.push(receipt.to_stored()?);
        }
        self.engine.write_objects(batch).await?;
        Ok(kept)
    }

    async fn require_room_for_signal(
        &self,
        workspace: WorkspaceId,
        key: &SignalKey,
    ) -> Result<(), AppError> {
        let of_key = ObjectFilter { parent: Some(key.parent(workspace)), ..Default::default() };
        for (filter, most, what) in [
            (of_key, MAX_KEPT_PER_KEY, "with the same name and key"),
            (ObjectFilter::default(), MAX_KEPT, "in a workspace"),
        ] {
            let count = List::first_page(filter, 0).with_total();
            let found = self.engine.store.list_objects(KeptSignal::KIND, workspace, count).await?;
            if found.total.is_some_and(|total| total >= most) {
                let message = format!(
                    "too many signals are kept that no execution waits for: at most {most} {what}"
                );
                return Err(AppError::TooManySignals(message));
            }
        }
        Ok(())
    }
}

impl From<ControlEffect> for SignalEffect {
    fn from(effect: ControlEffect) -> Self {
        match effect {
            ControlEffect::Applied | ControlEffect::SignalConsumed => Self::Consumed,
            ControlEffect::SignalKept => Self::Kept,
            ControlEffect::SignalRepeated => Self::Repeated,
        }
    }
}
