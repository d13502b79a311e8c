//! Step types that work on JSON.

mod parse;
mod query;
mod stringify;

pub(crate) use parse::ParseJson;
pub(crate) use query::QueryJson;
pub(crate) use stringify::StringifyJson;
