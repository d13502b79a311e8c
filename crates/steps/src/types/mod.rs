//! The step types, one file each.

pub(crate) mod data;
pub(crate) mod flow;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod stream;
pub(crate) mod text;
