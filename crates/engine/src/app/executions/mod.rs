//! Executions: started, shown, followed, controlled, run again.

mod access;
mod control;
mod detail;
mod files;
mod lookup;
mod prepare;
mod rerun;
mod start;

pub use detail::ExecutionDetail;
pub use files::{FileReader, ListedFile};
pub use rerun::RerunRequest;
pub use start::{InputWarnings, NewExecution, Start};

pub(super) use start::Started;
