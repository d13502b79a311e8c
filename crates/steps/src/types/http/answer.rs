//! From an answer to a step's output.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stepwell_core::redact::Redact;
use url::Url;

use crate::values::{MAX_DEPTH, fits_depth};
use crate::{Failure, OutboundResponse, StepOutput};

/// The body as a value, read in the given way: `auto`, `json`, `text` or `base64`.
pub(super) fn read_body(
    response: &OutboundResponse,
    how: &str,
    redact: &dyn Redact,
) -> Result<Value, Failure> {
    let body = response.body.as_slice();
    if body.is_empty() && how != "text" && how != "base64" {
        return Ok(Value::Null);
    }
    let content_type = response.headers.get("content-type").map_or("", String::as_str);
    match how {
        "json" => json_body(body),
        "text" => Ok(String::from_utf8_lossy(body).into()),
        "base64" => Ok(base64(body, redact).into()),
        _ if is_json(content_type) => json_body(body),
        _ => Ok(match std::str::from_utf8(body) {
            Ok(text) if is_text(content_type) => text.into(),
            _ if is_text(content_type) && !content_type.is_empty() => {
                String::from_utf8_lossy(body).into()
            }
            _ => base64(body, redact).into(),
        }),
    }
}

/// Bytes as text, from which nobody can tell any more what was in them.
fn base64(body: &[u8], redact: &dyn Redact) -> String {
    match redact.redact_bytes(body) {
        Some(redacted) => STANDARD.encode(redacted),
        None => STANDARD.encode(body),
    }
}

fn json_body(body: &[u8]) -> Result<Value, Failure> {
    let value = stepwell_core::json::from_slice(body).map_err(|error| {
        Failure::permanent(
            "INVALID_RESPONSE",
            format!("the answer is not JSON: {error}; set `response` to `text` to take it as text"),
        )
    })?;
    if fits_depth(&value) {
        return Ok(value);
    }
    let message = format!("the answer is nested deeper than {MAX_DEPTH} levels");
    Err(Failure::permanent("INVALID_RESPONSE", message))
}

/// The media type, in lower case, without parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Whether a media type stands for text; where none is given, it is if it reads as such.
fn is_text(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    media_type.is_empty()
        || media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || matches!(
            media_type.as_str(),
            "application/xml"
                | "application/javascript"
                | "application/x-ndjson"
                | "application/x-www-form-urlencoded"
                | "application/yaml"
        )
}

/// The output; without the URL's query where that may hold secrets.
pub(super) fn output(response: &OutboundResponse, body: Value, hide_query: bool) -> StepOutput {
    let url = match Url::parse(&response.url) {
        Ok(mut url) if hide_query => {
            url.set_query(None);
            url.into()
        }
        _ => response.url.clone(),
    };
    StepOutput::new(json!({
        "status": response.status,
        "headers": response.headers,
        "body": body,
        "url": url,
    }))
}
