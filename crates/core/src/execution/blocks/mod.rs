//! Blocks: steps that run the lists of steps in them.
//!
//! A block run is continued whenever a step inside it settles: `progress` starts its bodies and
//! completes it, `ending` evaluates what a body that has ended gives, `failing` decides what
//! a failed body means for it, and `items` has the items that are run in chunks.

pub(super) mod block_run;
mod choice;
mod ending;
mod failing;
pub(super) mod items;
mod progress;

pub use block_run::{BlockRun, BodyResult, BodyRunKey};
pub(super) use choice::choose_body;
pub use items::{ItemsRun, RunStep};
