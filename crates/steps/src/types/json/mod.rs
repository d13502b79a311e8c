//! Step types that work on JSON.

mod jq;
mod parse;
mod query;
mod stringify;

pub(crate) use jq::pool_usage as jq_usage;
pub(crate) use parse::ParseJson;
pub(crate) use query::QueryJson;
pub(crate) use stringify::StringifyJson;
