//! Step types that the state machine itself carries out; here are only their descriptions.

mod delay;
mod fail;
mod set_state;

pub(crate) use delay::Delay;
pub(crate) use fail::Fail;
pub(crate) use set_state::SetState;
