//! Errors about a definition in a body: each problem with its line and column there.

use stepwell_core::definition::SourceFormat;

use crate::body::{Media, RequestBody};
use crate::error::{ApiError, Kind};
use crate::json;

/// The same error; if it is about a definition, with the position of each problem in the body.
pub fn locate_error(request_body: &RequestBody, error: ApiError) -> ApiError {
    let format = match request_body.media {
        _ if error.kind() != Kind::InvalidDefinition => return error,
        Media::Json => SourceFormat::Json,
        Media::Yaml => SourceFormat::Yaml,
        Media::Missing | Media::Encoded(_) | Media::Other(_) => return error,
    };
    match json::decode_utf8(&request_body.bytes) {
        Ok(text) => error.located_in(text, format),
        Err(_) => error,
    }
}
