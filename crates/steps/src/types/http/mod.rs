//! Step types that send HTTP requests, through [`crate::OutboundClient`] only.

mod build;
mod charset;
mod log;
mod request;
mod response;
mod status;
#[cfg(test)]
mod tests;

pub use build::RESERVED_HEADERS;
pub(crate) use request::HttpRequest;
