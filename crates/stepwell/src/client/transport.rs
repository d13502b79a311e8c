//! What both transports return.

use std::pin::Pin;

use axum::body::Bytes;
use futures_util::Stream;

use crate::error::CliError;

/// The body of a response.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, CliError>> + Send>>;
