//! Third-party credentials that come with a request. They are handed to the engine and never
//! logged or stored here.

use axum::http::HeaderMap;

use crate::error::ApiError;

/// Headers with a secret name of their own.
const NAMED: [(&str, &str); 1] = [("x-openai-key", "OPENAI_KEY")];

/// `X-Secret-Stripe-Key: v` is the secret `STRIPE_KEY`.
const PREFIX: &str = "x-secret-";

/// The secrets among the headers, by name in upper snake case.
///
/// # Errors
/// `InvalidRequest` naming a header whose value is not text or that comes twice.
pub fn from_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, ApiError> {
    let mut secrets: Vec<(String, String)> = Vec::new();
    for (header, value) in headers {
        let Some(name) = secret_name(header.as_str()) else { continue };
        let value = value.to_str().map_err(|_| {
            ApiError::invalid(header.as_str(), "the value of this header must be visible ASCII")
        })?;
        if secrets.iter().any(|(known, _)| *known == name) {
            return Err(ApiError::invalid(
                header.as_str(),
                format!("the secret `{name}` is given more than once"),
            ));
        }
        secrets.push((name, value.to_owned()));
    }
    Ok(secrets)
}

/// Whether a text holds one of the secrets among the headers.
pub fn are_held_by(text: &str, headers: &HeaderMap) -> bool {
    let secrets = headers.iter().filter(|(name, _)| secret_name(name.as_str()).is_some());
    let mut values = secrets.filter_map(|(_, value)| value.to_str().ok());
    values.any(|value| !value.is_empty() && text.contains(value))
}

fn secret_name(header: &str) -> Option<String> {
    if let Some((_, name)) = NAMED.iter().find(|(known, _)| *known == header) {
        return Some((*name).to_owned());
    }
    let rest = header.strip_prefix(PREFIX).filter(|rest| !rest.is_empty())?;
    Some(rest.to_ascii_uppercase().replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn headers_name_secrets() {
        for (header, expect) in [
            ("x-openai-key", Some("OPENAI_KEY")),
            ("x-secret-stripe-key", Some("STRIPE_KEY")),
            ("x-secret-", None),
            ("x-api-key", None),
            ("authorization", None),
        ] {
            assert_eq!(secret_name(header).as_deref(), expect, "{header}");
        }
    }

    #[test]
    fn a_secret_comes_once() {
        let headers: HeaderMap = ["x-openai-key", "x-secret-openai-key"]
            .map(|n| (HeaderName::from_static(n), HeaderValue::from_static("v")))
            .into_iter()
            .collect();
        let error = from_headers(&headers).unwrap_err();
        assert!(error.message().contains("`OPENAI_KEY` is given more than once"));
    }
}
