//! Step types of control flow, which the state machine implements; here are only their descriptions.

mod approval;
mod blocks;
mod delay;
mod fail;
mod merge;
mod set_state;
mod stop;
mod sub_workflow;
mod wait_for_signal;
mod wait_until;

pub(crate) use approval::ApprovalStep;
pub(crate) use blocks::{BranchBlock, LoopBlock, MapBlock, ParallelBlock, SwitchBlock, TryBlock};
pub(crate) use delay::DelayStep;
pub(crate) use fail::FailStep;
pub(crate) use merge::MergeStep;
pub(crate) use set_state::SetState;
pub(crate) use stop::StopStep;
pub(crate) use sub_workflow::SubWorkflow;
pub(crate) use wait_for_signal::WaitForSignal;
pub(crate) use wait_until::WaitUntil;
