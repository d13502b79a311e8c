//! Workflows: created from a definition or a type, changed, released, deleted.

mod change;
mod create;
mod definition_names;
mod delete;
mod effects;
mod lookup;
mod requests;
mod types;

pub use requests::{
    ChangeWorkflow, CreateWorkflow, DeletedWorkflow, Deletion, NewWorkflow, WorkflowView,
};

pub(super) use create::check_labels;
pub(super) use lookup::{KIND, require_access};
