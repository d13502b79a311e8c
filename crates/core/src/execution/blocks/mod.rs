//! Blocks: steps that run the lists of steps in them.
//!
//! A block run is continued whenever a step inside it settles: `progress` starts its bodies and
//! completes it, `ending` evaluates what a body that has ended gives, `failing` decides what
//! a failed body means for it, `items` has the items that are run in chunks,
//! `map_results` what a `Map` keeps of them, and `item_line` their lines in a file.

pub(super) mod block_run;
mod choice;
mod ending;
mod failing;
mod item_counts;
mod item_line;
pub(super) mod items;
mod map_results;
mod progress;

pub use block_run::{BlockProgress, BlockRun, BodyResult, BodyRunKey};
pub(super) use choice::choose_body;
pub use item_line::ItemLine;
pub use items::{ItemsRun, RunStep};
