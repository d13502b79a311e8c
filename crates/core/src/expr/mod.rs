//! The one expression language: Jinja, with fuel and output limits.
//!
//! A string that is exactly one `{{ expr }}` yields the value itself; anything else yields text.
//!
//! Evaluation is deterministic and bounded: it must never read a clock or draw a random number,
//! and no text, however hostile, may take more than a moment, a few megabytes or the stack. How:
//! `syntax` refuses what would nest too deep, `guard` rewrites the tree so that each operation
//! whose cost grows with its operands is paid for from the budget of `meter`.

mod code;
mod code_evaluation;
mod compiled_text;
mod context;
#[cfg(test)]
mod cost_tests;
mod dates;
mod environment;
mod error;
mod evaluation;
mod expression;
mod filters;
mod guard;
mod json_node;
mod meter;
mod numbers;
mod operand_types;
mod operations;
mod operators;
mod path;
mod path_lookup;
mod references;
mod result_types;
#[cfg(test)]
mod result_types_tests;
mod samples;
mod scope;
mod secret;
mod secret_insertion;
#[cfg(test)]
mod secret_tests;
mod slice;
mod syntax;
mod template;
#[cfg(test)]
pub(crate) mod test_scope;
#[cfg(test)]
mod tests;
mod tree;
mod trial;
mod value;
mod variables;
mod weight;

pub use code::pool_usage as code_usage;
pub(crate) use environment::ROOTS;
pub use error::{EvalError, EvalErrorKind};
pub use expression::Expression;
pub use meter::{EvalBudget, EvalInterrupt};
pub use operations::operation_names;
pub(crate) use path::written_path;
pub use references::References;
pub(crate) use result_types::{
    InferredType, TypeAnalysis, analyse_expression, analyse_template, infer_type,
};
pub use samples::sample_expressions;
pub use scope::{EvalScope, StepScope, shared_null};
pub(crate) use secret_insertion::place_under;
pub use secret_insertion::{InsertError, PLACEHOLDER, SecretInsertion, insert_secrets};
pub(crate) use syntax::find_insertions;
pub use template::{RenderedValue, TemplateLeaf, ValueTemplate};
pub(crate) use template::{at_key, count_expressions};
pub use trial::{TrialError, TrialForm, TrialValue, evaluate_text};
pub use variables::no_variables;
