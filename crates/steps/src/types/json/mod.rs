//! Step types that work on JSON.

mod jq;
mod parse;
mod query;
mod stringify;

pub(crate) use jq::usage as jq_usage;
pub(crate) use parse::Parse;
pub(crate) use query::Query;
pub(crate) use stringify::Stringify;
