//! Step types that speak HTTP, through [`crate::Outbound`] only.

mod answer;
mod build;
mod charset;
mod log;
mod request;
mod status;
#[cfg(test)]
mod tests;

pub use build::RESERVED_HEADERS;
pub(crate) use request::HttpRequest;
