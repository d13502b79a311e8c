//! Step types of control flow, which the state machine implements; here are only their descriptions.

mod delay;
mod fail;
mod set_state;

pub(crate) use delay::DelayStep;
pub(crate) use fail::FailStep;
pub(crate) use set_state::SetState;
