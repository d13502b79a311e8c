//! This dialect's bodies, named as its clients name them.

mod errors;
mod executions;
mod step_types;
mod workflows;

pub use errors::*;
pub use executions::*;
pub use step_types::*;
pub use workflows::*;
