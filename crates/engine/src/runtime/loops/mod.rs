//! The background loops of the engine. `App` starts all loops, in `app/lifecycle.rs`.

pub(crate) mod heartbeat;
pub(crate) mod messages;
pub(crate) mod queue;
pub(crate) mod recovery;
pub(crate) mod retention;
pub(crate) mod signals;
pub(crate) mod timers;
