//! The outbox: events on their way to webhooks, and status changes on their way to the URL that an
//! execution was given.
//!
//! A delivery is written in the same transaction as the event it tells of, its body already made
//! (`crate::tell`), and sent in order for one receiver and subject, until it is answered with 2xx
//! or given up.

mod announce;
mod attempt;
mod health;
mod outbox;
mod sender;
mod signature;

pub(crate) use announce::Happened;
pub(crate) use outbox::{Outbox, Uncommitted};
pub(crate) use sender::send_deliveries;
pub(crate) use signature::{check_secret, new_secret, setting_name};
