//! Versions of workflows as entity tags: `ETag` in responses, `If-Match` in requests.

use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use stepwell_engine::app::Expected;

use crate::error::ApiError;

/// Adds the tag of a version to a response.
pub fn with_etag(mut response: Response, version: u64) -> Response {
    // A number in quotes is a header's value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The versions that a request is good for. A tag that is not one of ours, or is weak, is that of
/// no version.
///
/// # Errors
/// `InvalidRequest` where the header is no list of tags.
pub fn if_match(headers: &HeaderMap) -> Result<Expected, ApiError> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(Expected::Any);
    }
    let wrong = || {
        let message = "must be `*`, or the ETag of a response, such as \"3\", quotes included";
        ApiError::invalid("If-Match", message)
    };
    let (mut versions, mut found) = (Vec::new(), false);
    for value in headers.get_all(IF_MATCH) {
        let tags = value.to_str().map_err(|_| wrong())?.split(',').map(str::trim);
        // A list may have empty places.
        for tag in tags.filter(|tag| !tag.is_empty()) {
            found = true;
            if tag == "*" {
                return Ok(Expected::Any);
            }
            let (is_weak, strong) = match tag.strip_prefix("W/") {
                Some(strong) => (true, strong),
                None => (false, tag),
            };
            let inside = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            match inside.ok_or_else(wrong)?.parse() {
                Ok(version) if !is_weak => versions.push(version),
                _ => {}
            }
        }
    }
    if found { Ok(Expected::OneOf(versions)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<Vec<u64>>, ()> {
        let headers =
            values.iter().map(|value| (IF_MATCH, HeaderValue::from_str(value).unwrap())).collect();
        match if_match(&headers) {
            Ok(Expected::Any) => Ok(None),
            Ok(Expected::OneOf(versions)) => Ok(Some(versions)),
            Err(_) => Err(()),
        }
    }

    #[test]
    fn tags_are_versions() {
        for (values, expect) in [
            (&[][..], Ok(None)),
            (&["*"], Ok(None)),
            (&["\"3\""], Ok(Some(vec![3]))),
            (&["\"3\" , \"4\"", "\"5\""], Ok(Some(vec![3, 4, 5]))),
            (&["W/\"3\""], Ok(Some(vec![]))),
            (&["\"abc\""], Ok(Some(vec![]))),
            (&["3"], Err(())),
            (&["\"3"], Err(())),
            (&["\"3\","], Ok(Some(vec![3]))),
            (&[", ,\"3\""], Ok(Some(vec![3]))),
            (&[""], Err(())),
            (&[" , "], Err(())),
            (&["\""], Err(())),
        ] {
            assert_eq!(read(values), expect, "{values:?}");
        }
    }
}
