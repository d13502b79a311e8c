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

/// The text of a definition in a body, and its format.
///
/// # Errors
/// `InvalidRequest` if there is none or it is not UTF-8; `UnsupportedMediaType`.
pub fn source_text(request_body: &RequestBody) -> Result<(&str, SourceFormat), ApiError> {
    if request_body.bytes.is_empty() {
        return Err(ApiError::invalid("", "the body is empty; send a definition"));
    }
    let format = match request_body.media {
        Media::Json => SourceFormat::Json,
        Media::Yaml => SourceFormat::Yaml,
        Media::Missing | Media::Encoded(_) | Media::Other(_) => {
            return Err(request_body.unsupported("application/json"));
        }
    };
    Ok((json::decode_utf8(&request_body.bytes)?, format))
}
