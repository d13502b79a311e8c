//! Webhook deliveries, with an outbox.
//!
//! A delivery is a row that is written in the transaction of its event, with the rendered body
//! (`crate::payload`). Deliveries of one receiver and subject are sent in order, each until the
//! response is 2xx or it is given up.

mod attempt;
mod health;
mod outbox;
mod sender;
mod signature;
mod signing_secret;
mod webhook_events;

pub(crate) use outbox::{Outbox, Uncommitted};
pub(crate) use sender::send_deliveries;
pub(crate) use signature::{check_secret, new_secret};
pub(crate) use webhook_events::EventContext;
