//! Converts a response to a step's output.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use serde_json::{Value, json};
use stepwell_core::redact::Redact;
use url::Url;

use super::charset::{declared_encoding, decode_text, find_encoding, has_mark};
use crate::values::{MAX_DEPTH, fits_depth, object_value};
use crate::{OutboundResponse, StepFailure, StepOutput};

/// The body as a value, read in the given way: `auto`, `json`, `text` or `base64`.
pub(super) fn read_body(
    response: &OutboundResponse,
    how: &str,
    redact: &dyn Redact,
) -> Result<Value, StepFailure> {
    let body = response.body.as_slice();
    if body.is_empty() && how != "text" && how != "base64" {
        return Ok(Value::Null);
    }
    let content_type = response.headers.get("content-type").map_or("", String::as_str);
    match how {
        "json" => json_body(&read_text(response)?),
        "text" => Ok(read_text(response)?.into()),
        "base64" => Ok(encode_body(body, redact).into()),
        _ if is_json(content_type) => json_body(&read_text(response)?),
        _ if is_text(content_type, body) => Ok(read_text(response)?.into()),
        _ => Ok(encode_body(body, redact).into()),
    }
}

/// The body as text in its declared encoding, without a byte order mark.
fn read_text(response: &OutboundResponse) -> Result<String, StepFailure> {
    let encoding = body_encoding(response).map_err(|label| {
        let label: String = label.chars().take(40).collect();
        let message = format!(
            "the response declares the unknown charset `{label}`; set `response` to `base64` to take \
             its bytes"
        );
        StepFailure::permanent_failure("INVALID_RESPONSE", message)
    })?;
    Ok(decode_text(&response.body, encoding))
}

/// The body as text for a person, where its encoding is not known as UTF-8.
pub(super) fn shown_text(response: &OutboundResponse) -> String {
    decode_text(&response.body, body_encoding(response).unwrap_or_default())
}

fn body_encoding(response: &OutboundResponse) -> Result<Option<&'static Encoding>, String> {
    let content_type = response.headers.get("content-type").map_or("", String::as_str);
    if response.body.is_empty() {
        return Ok(None);
    }
    find_encoding(content_type, is_xml(&media_type(content_type)), &response.body)
}

/// The headers: texts, but `set-cookie`, which is a list.
pub(super) fn headers_value(response: &OutboundResponse) -> Value {
    let mut headers = json!(response.headers);
    if !response.set_cookie.is_empty() {
        headers["set-cookie"] = json!(response.set_cookie);
    }
    headers
}

/// Bytes as base64, in which secrets cannot be recognised any more.
fn encode_body(body: &[u8], redact: &dyn Redact) -> String {
    match redact.redact_bytes(body) {
        Some(redacted) => STANDARD.encode(redacted),
        None => STANDARD.encode(body),
    }
}

fn json_body(body: &str) -> Result<Value, StepFailure> {
    let value = stepwell_core::json::from_str(body).map_err(|error| {
        StepFailure::permanent_failure(
            "INVALID_RESPONSE",
            format!(
                "the response is not JSON: {error}; set `response` to `text` to take it as text"
            ),
        )
    })?;
    if fits_depth(&value) {
        return Ok(value);
    }
    let message = format!("the response is nested deeper than {MAX_DEPTH} levels");
    Err(StepFailure::permanent_failure("INVALID_RESPONSE", message))
}

/// The media type, in lower case, without parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    matches!(media_type.as_str(), "application/json" | "text/json") || media_type.ends_with("+json")
}

fn is_xml(media_type: &str) -> bool {
    matches!(media_type, "text/xml" | "application/xml") || media_type.ends_with("+xml")
}

/// Whether a body is text: by its media type, or because an encoding is declared. Without a media
/// type it is text if it reads as such.
fn is_text(content_type: &str, body: &[u8]) -> bool {
    let media_type = media_type(content_type);
    if media_type.is_empty() {
        return has_mark(body) || std::str::from_utf8(body).is_ok();
    }
    media_type.starts_with("text/")
        || declared_encoding(content_type).is_some()
        || is_xml(&media_type)
        || matches!(
            media_type.as_str(),
            "application/javascript"
                | "application/x-ndjson"
                | "application/x-www-form-urlencoded"
                | "application/yaml"
        )
}

/// The output; without the URL's query where that may hold secrets.
pub(super) fn build_output(
    response: &OutboundResponse,
    body: Value,
    hide_query: bool,
) -> StepOutput {
    let url = match Url::parse(&response.url) {
        Ok(mut url) if hide_query => {
            url.set_query(None);
            url.into()
        }
        _ => response.url.clone(),
    };
    StepOutput::new(object_value([
        ("status", response.status.into()),
        ("headers", headers_value(response)),
        ("body", body),
        ("url", url.into()),
    ]))
}
