//! Blocks: steps that contain lists of steps.

mod branch;
mod loop_block;
mod map;
mod parallel;
mod switch;
mod try_block;

pub(crate) use branch::BranchBlock;
pub(crate) use loop_block::LoopBlock;
pub(crate) use map::MapBlock;
pub(crate) use parallel::ParallelBlock;
pub(crate) use switch::SwitchBlock;
pub(crate) use try_block::TryBlock;
