//! Workflows: created from a definition or a type, changed, released, deleted.

mod change;
mod create;
mod definition_names;
mod delete;
mod effects;
mod lookup;
mod requests;
mod types;
mod validation;

pub use requests::{
    ChangeWorkflow, CreateWorkflow, DeletedWorkflow, Deletion, NewWorkflow, WorkflowView,
};
pub use validation::{Located, Validation};

pub(super) use create::check_labels;
pub(super) use lookup::{KIND, require_access};
