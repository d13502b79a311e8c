//! The application services over real stores: what every dialect relies on.

mod control;
mod limits;
mod outbox;
mod receiver;
mod restart;
mod running;
mod support;
