//! Blocks: steps that run the lists of steps in them.
//!
//! A block run is continued whenever a step inside it settles: `progress` starts its bodies and
//! completes it, `ending` evaluates what a body that has ended gives, and `failing` decides what
//! a failed body means for it.

pub(super) mod block_run;
mod choice;
mod ending;
mod failing;
mod progress;

pub use block_run::{BlockRun, BodyRunKey};
pub(super) use choice::choose_body;
