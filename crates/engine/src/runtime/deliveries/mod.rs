//! The outbox: status changes on their way to the URL that an execution was given.
//!
//! A delivery is written in the same transaction as the event it tells of, and sent in order for
//! one execution, until it is answered with 2xx or given up.

mod body;
mod ended;
mod outbox;
mod sender;
mod signature;

pub(crate) use outbox::Outbox;
pub(crate) use sender::send_deliveries;
pub(crate) use signature::{new_secret, setting_name};
