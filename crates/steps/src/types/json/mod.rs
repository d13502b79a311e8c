//! Step types that work on JSON.

mod parse;
mod stringify;

pub(crate) use parse::Parse;
pub(crate) use stringify::Stringify;
